//! Messages of Django's admin log, in the wording of the audit log.

use serde_json::Value;

/// Action and description of a log entry.
pub(crate) fn describe(flag: &str, message: &str, is_user: bool) -> (String, String) {
    let action = match flag {
        "1" => "added",
        "2" => "changed",
        "3" => "deleted",
        _ => return ("other".to_owned(), message.to_owned()),
    };
    let sentence = sentence(action, message);
    // Django logs a new password as a changed field.
    let is_password = ["Changed Password.", "Changed Password and Usable password."];
    if is_user && is_password.contains(&sentence.as_str()) {
        return ("password".to_owned(), "Password changed.".to_owned());
    }
    (action.to_owned(), sentence)
}

fn sentence(action: &str, message: &str) -> String {
    let message = message.trim();
    if message.starts_with('[')
        && let Ok(Value::Array(entries)) = serde_json::from_str(message)
        && let Some(sentences) = entries
            .iter()
            .map(change_sentence)
            .collect::<Option<Vec<_>>>()
    {
        if sentences.is_empty() {
            return default_sentence(action);
        }
        return sentences.join(" ");
    }
    if message.is_empty() {
        return default_sentence(action);
    }
    message.to_owned()
}

/// The description of an action without details.
fn default_sentence(action: &str) -> String {
    match action {
        "added" => "Added.",
        "deleted" => "Deleted.",
        _ => "Nothing changed.",
    }
    .to_owned()
}

/// A change such as `{"changed": {"name": "letting", "object": "Lakeside flat", "fields": ["Title"]}}`. One with a name
/// is about an inline row.
fn change_sentence(entry: &Value) -> Option<String> {
    let (verb, about) = entry
        .as_object()
        .filter(|entry| entry.len() == 1)?
        .iter()
        .next()?;
    let text = |key: &str| about.get(key).and_then(Value::as_str);
    let inline = text("name")
        .zip(text("object"))
        .map(|(name, object)| format!("{name} \"{object}\""));
    let fields = || -> Option<String> {
        let fields = about.get("fields")?.as_array()?;
        let labels = fields.iter().map(|field| field.as_str().map(label));
        Some(join(&labels.collect::<Option<Vec<_>>>()?))
    };
    match (verb.as_str(), inline) {
        ("added", None) => Some("Added.".to_owned()),
        ("added", Some(inline)) => Some(format!("Added {inline}.")),
        ("changed", None) => Some(format!("Changed {}.", fields()?)),
        ("changed", Some(inline)) => Some(format!("Changed {} for {inline}.", fields()?)),
        ("deleted", None) => Some("Deleted.".to_owned()),
        ("deleted", Some(inline)) => Some(format!("Deleted {inline}.")),
        _ => None,
    }
}

/// The label of a field, which Django logs by name or by label.
fn label(field: &str) -> String {
    match field {
        "email" => return "Email address".to_owned(),
        "is_active" => return "Active".to_owned(),
        "is_staff" => return "Staff status".to_owned(),
        "is_superuser" => return "Superuser status".to_owned(),
        _ => {}
    }
    let spaced = field.replace('_', " ");
    let mut letters = spaced.chars();
    letters.next().map_or_else(String::new, |first| {
        first.to_uppercase().chain(letters).collect()
    })
}

/// “A”, “A and B”, “A, B and C”.
fn join(labels: &[String]) -> String {
    match labels.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, first)) => format!("{} and {last}", first.join(", ")),
        None => "nothing".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_of_django_get_the_wording_of_the_audit_log() {
        let changed = |fields: &str| format!(r#"[{{"changed": {{"fields": [{fields}]}}}}]"#);
        for (message, expected) in [
            ("[]", "Nothing changed."),
            (&*changed(r#""Street", "City""#), "Changed Street and City."),
            (
                &*changed(r#""number", "zip_code""#),
                "Changed Number and Zip code.",
            ),
            (&*changed(r#""Email address""#), "Changed Email address."),
            (
                &*changed(r#""first_name", "last_name", "email""#),
                "Changed First name, Last name and Email address.",
            ),
            (
                r#"[{"changed": {"fields": ["Title"]}}, {"added": {"name": "address", "object": "12 \"A\""}}]"#,
                r#"Changed Title. Added address "12 "A""."#,
            ),
            (
                r#"[{"deleted": {"name": "profile", "object": "ada"}}, {"changed": {"name": "profile", "object": "bob", "fields": ["Favorite city"]}}]"#,
                r#"Deleted profile "ada". Changed Favorite city for profile "bob"."#,
            ),
        ] {
            assert_eq!(describe("2", message, false).1, expected, "{message}");
        }
        for message in ["Prix revu après la visite", r#"[{"changed": "#] {
            assert_eq!(describe("2", message, false).1, message.trim_end());
        }
        for (flag, message, expected) in [
            ("1", r#"[{"added": {}}]"#, "Added."),
            ("1", "", "Added."),
            ("3", "", "Deleted."),
            ("3", "[]", "Deleted."),
        ] {
            assert_eq!(describe(flag, message, false).1, expected, "{message}");
        }
    }

    #[test]
    fn a_new_password_is_recognised() {
        let password = ("password".to_owned(), "Password changed.".to_owned());

        for message in [
            r#"[{"changed": {"fields": ["password"]}}]"#,
            r#"[{"changed": {"fields": ["Password"]}}]"#,
        ] {
            assert_eq!(describe("2", message, true), password, "{message}");
        }
        let other = describe("2", r#"[{"changed": {"fields": ["password"]}}]"#, false);
        assert_eq!(other.0, "changed");
    }

    #[test]
    fn an_unknown_action_keeps_its_message() {
        let entry = describe("7", "Approved", false);

        assert_eq!(entry, ("other".to_owned(), "Approved".to_owned()));
    }
}
