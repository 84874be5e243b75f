//! Password policy.

use std::collections::HashMap;

use crate::password::LONGEST;

/// The shortest password (characters).
const SHORTEST: usize = 8;
/// A password that shares this much with a name of its owner is too similar (Django's measure).
const SIMILAR: f64 = 0.7;
/// Passwords that are guessed first, in order: lower case, one a line.
const COMMON: &str = include_str!("common_passwords.txt");

/// Why a password may not be chosen; its words are what the user reads.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WeakPassword {
    /// Too few characters.
    #[error("Password is too short: use at least {SHORTEST} characters.")]
    TooShort,
    /// Too many characters.
    #[error("Password must be {LONGEST} characters or fewer; you entered {0}.")]
    TooLong(usize),
    /// Among those that are guessed first.
    #[error("Password is too common.")]
    Common,
    /// Nothing but digits.
    #[error("Password can't be entirely numeric.")]
    OnlyDigits,
    /// Too much like something that everybody knows of the user.
    #[error("Password is too similar to your {0}.")]
    Similar(&'static str),
    /// A NUL.
    #[error("Password contains a character that is not allowed.")]
    Unstorable,
}

/// Everything that speaks against a password. `about` holds what is known of its owner: a label and a text each.
#[must_use]
pub fn weaknesses(password: &str, about: &[(&'static str, &str)]) -> Vec<WeakPassword> {
    let length = password.chars().count();
    if length > LONGEST {
        return vec![WeakPassword::TooLong(length)];
    }
    let lower = password.to_lowercase();
    let similar = about
        .iter()
        .find(|(_, text)| is_similar(&lower, &text.to_lowercase()));
    [
        similar.map(|(label, _)| WeakPassword::Similar(label)),
        (length < SHORTEST).then_some(WeakPassword::TooShort),
        is_common(&lower).then_some(WeakPassword::Common),
        (length > 0 && password.chars().all(char::is_numeric)).then_some(WeakPassword::OnlyDigits),
        password.contains('\0').then_some(WeakPassword::Unstorable),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn is_common(lower: &str) -> bool {
    let lower = lower.trim();
    let list: &[u8] = COMMON.as_bytes();
    // A binary search over lines of different lengths: from any byte, go back to where its line begins.
    let (mut start, mut end) = (0, list.len());
    while start < end {
        let middle = start.midpoint(end);
        let begin = list[..middle]
            .iter()
            .rposition(|byte| *byte == b'\n')
            .map_or(0, |position| position + 1);
        let length = list[begin..]
            .iter()
            .position(|byte| *byte == b'\n')
            .unwrap_or(list.len() - begin);
        match list[begin..begin + length].cmp(lower.as_bytes()) {
            std::cmp::Ordering::Equal => return true,
            std::cmp::Ordering::Less => start = begin + length + 1,
            std::cmp::Ordering::Greater => end = begin,
        }
    }
    false
}

/// Whether the text or one of its words shares most of its letters with the password.
fn is_similar(password: &str, text: &str) -> bool {
    let words = text.split(|c: char| !c.is_alphanumeric() && c != '_');
    words
        .chain([text])
        .filter(|part| !part.is_empty())
        .any(|part| shared(password, part) >= SIMILAR)
}

/// Twice the letters that two texts share, in any order, over the letters that they have (Ratcliff and Obershelp's
/// measure without its order, as Django takes it).
#[expect(clippy::cast_precision_loss, reason = "lengths of passwords and names")]
fn shared(a: &str, b: &str) -> f64 {
    let mut left: HashMap<char, usize> = HashMap::new();
    for c in a.chars() {
        *left.entry(c).or_default() += 1;
    }
    let mut common = 0_usize;
    for c in b.chars() {
        if let Some(count) = left.get_mut(&c).filter(|count| **count > 0) {
            *count -= 1;
            common += 1;
        }
    }
    2.0 * common as f64 / (a.chars().count() + b.chars().count()) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(password: &str) -> Vec<String> {
        let about = [
            ("username", "harbor_hugh"),
            ("last name", "Lindqvist"),
            ("email address", "hugh@example.org"),
        ];
        weaknesses(password, &about)
            .iter()
            .map(ToString::to_string)
            .collect()
    }

    #[test]
    fn a_good_password_may_hold_blanks_and_any_script() {
        for password in ["correct horse battery", "шторм над морем", "x7#Kq9!z"] {
            assert_eq!(told(password), [""; 0], "{password}");
        }
    }

    #[test]
    fn each_rule_has_its_words() {
        assert_eq!(
            told("x7#Kq"),
            ["Password is too short: use at least 8 characters."]
        );
        assert_eq!(told("sunshine1"), ["Password is too common."]);
        assert_eq!(
            told("8302957164038"),
            ["Password can't be entirely numeric."]
        );
        assert_eq!(
            told("harborhugh1"),
            ["Password is too similar to your username."]
        );
        assert_eq!(
            told("lindqvist77"),
            ["Password is too similar to your last name."]
        );
        assert_eq!(
            told(&"x".repeat(1025)),
            ["Password must be 1024 characters or fewer; you entered 1025."]
        );
        assert_eq!(
            told("1234"),
            [
                "Password is too short: use at least 8 characters.",
                "Password is too common.",
                "Password can't be entirely numeric.",
            ]
        );
    }

    #[test]
    fn the_list_is_long_and_in_order() {
        let lines: Vec<&str> = COMMON.lines().collect();

        assert!(lines.len() >= 20_000);
        assert!(lines.is_sorted());
        for line in [
            lines[0],
            lines[lines.len() / 2],
            lines[lines.len() - 1],
            "password",
            "PASSWORD",
        ] {
            assert!(is_common(&line.to_lowercase()), "{line}");
        }
        assert!(!is_common("zzzzzzzzzzzzzzzzzzzzzzzz") && !is_common(""));
    }
}
