//! Permissions as form choices.

use std::collections::BTreeSet;

use oc_core::admin::{Choice, FormValues};
use oc_core::validation::{FieldError, Violation};

use crate::Verb;

/// The app in URLs and permissions, as in Django.
pub(super) const APP: &str = "auth";
/// Label of the app.
pub(super) const APP_LABEL: &str = "Authentication and authorization";

/// Maximum length of a code, in characters.
const LONGEST_CODE: usize = 200;

/// All permissions on these resources, given as (app, name): “lettings · letting · view”.
pub fn permission_choices(resources: &[(&str, &str)]) -> Vec<Choice> {
    let all = |(app, name): &(&str, &str)| Verb::ALL.map(|verb| choice(&verb.on(app, name)));
    resources.iter().flat_map(all).collect()
}

/// The choices with these codes, whether or not anybody has them.
pub fn permission_labels(codes: &[String]) -> Vec<Choice> {
    codes.iter().map(|code| choice(code)).collect()
}

/// The codes in a field, each once.
pub(super) fn parse(
    values: &FormValues,
    field: &'static str,
    label: &'static str,
) -> Result<Vec<String>, Vec<FieldError>> {
    let codes = values.list(field).iter().filter(|code| !code.is_empty());
    let codes: BTreeSet<&String> = codes.collect();
    if codes.iter().all(|code| parts(code).is_some()) {
        Ok(codes.into_iter().cloned().collect())
    } else {
        Err(vec![FieldError::new(field, Violation::Choice { label })])
    }
}

fn choice(code: &str) -> Choice {
    let label = parts(code).map(|(app, model, verb)| format!("{app} · {model} · {verb}"));
    Choice::new(code, label.unwrap_or_else(|| code.to_owned()))
}

/// App, model and action of a code; `None` if it isn't valid.
fn parts(code: &str) -> Option<(&str, &str, &str)> {
    let (app, action) = code.split_once('.')?;
    let (verb, model) = action.split_once('_')?;
    let is_name = |name: &str| {
        let mut bytes = name.bytes();
        !name.is_empty() && bytes.all(|b| b.is_ascii_alphanumeric() || b == b'_')
    };
    let is_verb = Verb::ALL.iter().any(|known| known.word() == verb);
    (is_name(app) && is_name(model) && is_verb && code.len() <= LONGEST_CODE)
        .then_some((app, model, verb))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn codes(choices: &[Choice]) -> Vec<&str> {
        choices.iter().map(|choice| choice.value.as_str()).collect()
    }

    #[test]
    fn a_resource_has_four_permissions_with_labels() {
        let choices = permission_choices(&[("lettings", "letting")]);

        assert_eq!(
            codes(&choices),
            [
                "lettings.add_letting",
                "lettings.change_letting",
                "lettings.delete_letting",
                "lettings.view_letting"
            ]
        );
        assert_eq!(choices[3].label, "lettings · letting · view");
    }

    #[test]
    fn only_valid_codes_are_accepted_each_once() {
        let chosen = |codes: &[&str]| {
            let codes = codes.iter().map(|code| (*code).to_owned()).collect();
            let values = FormValues::default().with_list("permissions", codes);
            super::parse(&values, "permissions", "Permissions")
                .map_err(|errors| errors[0].to_string())
        };

        assert_eq!(
            chosen(&["b.view_b", "a.add_a", "b.view_b", ""]),
            Ok(vec!["a.add_a".to_owned(), "b.view_b".to_owned()])
        );
        let long = format!("a.view_{}", "b".repeat(200));
        for code in [
            "x",
            "a.eat_b",
            "a.view_",
            ".view_b",
            "a.view_b\0",
            "é.view_b",
            &long,
        ] {
            assert_eq!(
                chosen(&["a.add_a", code]),
                Err("Permissions: select a valid choice.".to_owned()),
                "{code}"
            );
        }
    }
}
