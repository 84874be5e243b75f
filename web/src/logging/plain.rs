//! Text that may come from anywhere, made fit for a log.

use std::borrow::Cow;

/// What stands in the place of an e-mail address.
const EMAIL: &str = "[email]";

/// The text with everything escaped that could end the line, hide in it or move the cursor.
pub(super) fn escaped(text: &str) -> Cow<'_, str> {
    escape(text, |c| c.is_control() || is_odd(c))
}

/// The text with everything escaped that JSON leaves as it is and some reader takes for the end of a line.
pub(super) fn without_breaks(text: &str) -> Cow<'_, str> {
    escape(text, |c| {
        (c.is_control() && !c.is_ascii()) || c == '\u{7f}' || is_odd(c)
    })
}

/// Separators of lines and paragraphs, and what turns the direction of the text around.
fn is_odd(c: char) -> bool {
    matches!(c, '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

fn escape(text: &str, odd: impl Fn(char) -> bool) -> Cow<'_, str> {
    if !text.contains(&odd) {
        return Cow::Borrowed(text);
    }
    let mut plain = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if odd(c) {
            plain.extend(c.escape_default());
        } else {
            plain.push(c);
        }
    }
    Cow::Owned(plain)
}

/// The text without e-mail addresses, and without the passwords of addresses such as `postgres://oc:secret@db/oc`.
pub(crate) fn redacted(text: &str) -> Cow<'_, str> {
    if !text.contains('@') && !text.contains("%40") {
        return Cow::Borrowed(text);
    }
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, sign)) = next_at(rest) {
        let after = &rest[before.len() + sign.len()..];
        let local = before.trim_end_matches(is_local).len();
        let domain = after.len() - after.trim_start_matches(is_domain).len();
        let userinfo = before.rfind("://").map(|scheme| &before[scheme + 3..]);
        let userinfo = userinfo.filter(|info| !info.contains(['/', ' ', '?', '#']));
        if let Some((name, _)) = userinfo.and_then(|info| info.split_once(':')) {
            let kept = before.len() - userinfo.map_or(0, str::len) + name.len();
            plain.push_str(&before[..kept]);
            plain.push_str(":***");
            plain.push_str(sign);
            rest = after;
        } else if userinfo.is_some() || local == before.len() || domain == 0 {
            plain.push_str(before);
            plain.push_str(sign);
            rest = after;
        } else {
            plain.push_str(&before[..local]);
            plain.push_str(EMAIL);
            rest = &after[domain..];
        }
    }
    plain.push_str(rest);
    Cow::Owned(plain)
}

/// What stands before the next at sign, and the sign itself, which an address of a page writes as `%40`.
fn next_at(text: &str) -> Option<(&str, &str)> {
    let plain = text.find('@').map(|place| (place, 1));
    let written = text.find("%40").map(|place| (place, 3));
    let (place, length) = plain.into_iter().chain(written).min()?;
    Some((&text[..place], &text[place..place + length]))
}

fn is_local(c: char) -> bool {
    c.is_alphanumeric() || "._+-'".contains(c)
}

fn is_domain(c: char) -> bool {
    c.is_alphanumeric() || ".-".contains(c)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn email_addresses_are_taken_out() {
        for (text, plain) in [
            (
                "no user ada.paul+x@example.org here",
                "no user [email] here",
            ),
            ("<ada@example.org>, bob@b.example", "<[email]>, [email]"),
            ("/profiles/ada%40example.org/", "/profiles/[email]/"),
            ("at 5 @ noon, @name", "at 5 @ noon, @name"),
            ("nothing to hide", "nothing to hide"),
        ] {
            assert_eq!(redacted(text), plain);
        }
    }

    #[test]
    fn passwords_of_addresses_are_taken_out_and_the_rest_stays() {
        for (text, plain) in [
            (
                "at postgres://oc:hunter2@db.example.org/oc",
                "at postgres://oc:***@db.example.org/oc",
            ),
            (
                "at postgres://oc@db.example.org/oc",
                "at postgres://oc@db.example.org/oc",
            ),
            (
                "https://key:hunter2@h/1 by ada@example.org",
                "https://key:***@h/1 by [email]",
            ),
        ] {
            assert_eq!(redacted(text), plain);
        }
    }
}
