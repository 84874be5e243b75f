//! Redaction of e-mail addresses in logs and reports.

use std::borrow::Cow;
use std::sync::LazyLock;

use regex::Regex;

/// Anything around an at sign, which may be percent-encoded more than once. Matches too much rather than too little.
static EMAIL: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r#"(?i)[^\s/?#&=<>"'():@]+(?:@|＠|﹫|%(?:25)*40|%(?:25)*EF%(?:25)*BC%(?:25)*A0)[^\s/?#&=<>"'()]+"#)
        .expect("the expression is valid")
});

/// Replaces e-mail addresses, and with them the password of a URL.
pub(super) fn redact_emails(text: &str) -> Cow<'_, str> {
    EMAIL.replace_all(text, "[email]")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn email_addresses_are_replaced() {
        for (text, expected) in [
            ("no user ada+x@example.org here", "no user [email] here"),
            ("<ada@example.org>, b@c.example", "<[email]>, [email]"),
            ("name=ada!b@example.org&page=2", "name=[email]&page=2"),
            ("/profiles/ada%40example.org/", "/profiles/[email]/"),
            ("/profiles/ada%252540example.org/", "/profiles/[email]/"),
            ("fran%C3%A7ois@example.org", "[email]"),
            ("ada@[192.0.2.1]", "[email]"),
            ("postgres://oc:secret@db/oc", "postgres://oc:[email]/oc"),
            ("at 5 @ noon, 50% off", "at 5 @ noon, 50% off"),
        ] {
            assert_eq!(redact_emails(text), expected);
        }
    }
}
