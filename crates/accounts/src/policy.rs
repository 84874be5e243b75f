//! Password policy.

use std::collections::HashMap;

use oc_core::text::trim;
use sha2::{Digest, Sha256};

use crate::password::LONGEST;

/// Minimum length, in characters.
const SHORTEST: usize = 8;
/// A password with this similarity to a fact about its user is too similar (Django's measure).
const SIMILAR: f64 = 0.7;
/// Hashes of 1.2 million leaked passwords in lower case, from `SecLists`' top million and other published lists: the start
/// of each bucket (little-endian, by the first two bytes of the hash), then the next three bytes of each hash. One other
/// password in a million matches by chance. `cargo test -p accounts build_the_filter -- --ignored`
/// writes it.
static COMMON: &[u8] = include_bytes!("common_passwords.bin");
const STARTS_SIZE: usize = 4 * 65_537;
/// Digits and symbols at the end, such as “2026!”, don't make a leaked password of this length a good one.
const LONGEST_END: usize = 6;
const SHORTEST_BASE: usize = 4;
/// Words that are guessed first on this site.
const SITE_WORDS: [&str; 16] = [
    "admin",
    "california",
    "county",
    "holidays",
    "holiday",
    "homes",
    "home",
    "house",
    "lettings",
    "letting",
    "oc",
    "orange",
    "password",
    "rentals",
    "rental",
    "welcome",
];

/// Error messages for a weak password. `about` contains the user's details, each as label
/// and text.
pub fn weaknesses(password: &str, about: &[(&'static str, &str)]) -> Vec<String> {
    let length = password.chars().count();
    if length > LONGEST {
        return vec![format!(
            "Password must be {LONGEST} characters or fewer; you entered {length}."
        )];
    }
    let lower = password.to_lowercase();
    let similar = about
        .iter()
        .find(|(_, text)| is_similar(&lower, &text.to_lowercase()));
    let is_number = length > 0 && password.chars().all(char::is_numeric);
    let weakness = |applies: bool, text: &str| applies.then(|| text.to_owned());
    [
        similar.map(|(label, _)| format!("Password is too similar to your {label}.")),
        (length < SHORTEST)
            .then(|| format!("Password is too short: use at least {SHORTEST} characters.")),
        weakness(is_common(&lower), "Password is too common."),
        weakness(is_number, "Password can't be entirely numeric."),
        weakness(
            password.contains('\0'),
            "Password contains a character that is not allowed.",
        ),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// Whether a password is blank, leaked (also with look-alike symbols, or a few digits and symbols at its end), or made of
/// words about the site.
fn is_common(lower: &str) -> bool {
    let whole = trim(lower);
    let base = whole.trim_end_matches(|c: char| !c.is_alphabetic());
    let has_short_end = whole[base.len()..].chars().count() <= LONGEST_END;
    let base = Some(base).filter(|base| has_short_end && base.len() >= SHORTEST_BASE);
    let is_leaked = |text: &str| {
        is_listed(text)
            || is_listed(&fold_symbols(text, 'l'))
            || is_listed(&fold_symbols(text, 'i'))
    };
    let folded = fold_symbols(base.unwrap_or(whole), 'l');
    let letters: String = folded.chars().filter(|c| c.is_alphabetic()).collect();
    (whole.is_empty() && !lower.is_empty())
        || is_leaked(whole)
        || base.is_some_and(is_leaked)
        || (!letters.is_empty() && is_about_site(&letters))
}

/// Replaces look-alike symbols by letters; a 1 may be an l or an i.
fn fold_symbols(text: &str, one: char) -> String {
    let letter = |c| match c {
        '0' => 'o',
        '1' | '!' => one,
        '3' => 'e',
        '4' | '@' => 'a',
        '5' | '$' => 's',
        '7' => 't',
        other => other,
    };
    text.chars().map(letter).collect()
}

fn is_about_site(letters: &str) -> bool {
    letters.is_empty()
        || SITE_WORDS
            .iter()
            .any(|word| letters.strip_prefix(word).is_some_and(is_about_site))
}

fn is_listed(password: &str) -> bool {
    let hash = Sha256::digest(password);
    let (starts, _) = COMMON[..STARTS_SIZE].as_chunks::<4>();
    let (suffixes, _) = COMMON[STARTS_SIZE..].as_chunks::<3>();
    let start = |bucket: usize| u32::from_le_bytes(starts[bucket]) as usize;
    let bucket = usize::from(u16::from_be_bytes([hash[0], hash[1]]));
    suffixes[start(bucket)..start(bucket + 1)].contains(&[hash[2], hash[3], hash[4]])
}

/// Whether a text or one of its words has most of its letters in common with the password.
fn is_similar(password: &str, text: &str) -> bool {
    let words = text.split(|c: char| !c.is_alphanumeric() && c != '_');
    words
        .chain([text])
        .filter(|part| !part.is_empty())
        .any(|part| shared(password, part) >= SIMILAR)
}

/// Common letters in any order, relative to all letters (the upper bound of Ratcliff and Obershelp's measure, as in
/// Django).
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

    fn errors_for(password: &str) -> Vec<String> {
        let about = [
            ("username", "harbor_hugh"),
            ("last name", "Lindqvist"),
            ("email address", "hugh@example.org"),
        ];
        weaknesses(password, &about)
    }

    #[test]
    fn a_good_password_may_hold_blanks_and_any_script() {
        for password in ["correct horse battery", "шторм над морем", "x7#Kq9!z"] {
            assert_eq!(errors_for(password), [""; 0], "{password}");
        }
    }

    #[test]
    fn each_rule_has_its_message() {
        for (password, words) in [
            ("x7#Kq", "Password is too short: use at least 8 characters."),
            ("sunshine1", "Password is too common."),
            ("8302957164038", "Password can't be entirely numeric."),
            ("harborhugh1", "Password is too similar to your username."),
            ("lindqvistq77", "Password is too similar to your last name."),
            (
                &*"x".repeat(1025),
                "Password must be 1024 characters or fewer; you entered 1025.",
            ),
            (
                "1234",
                "Password is too short: use at least 8 characters. Password is too common. \
                 Password can't be entirely numeric.",
            ),
        ] {
            assert_eq!(errors_for(password).join(" "), words);
        }
    }

    #[test]
    fn variations_of_common_passwords_and_names_of_the_site_are_rejected() {
        for password in [
            "Passw0rd!",
            "Welcome123!",
            "admin123456",
            "OrangeCounty1",
            "holidayhomes",
            "P@ssw0rd2026",
            "We1come!!",
            "H0liday-H0mes",
            "OC Lettings 2026",
            "Dragon1987!",
            // XiovV/calich#251.
            "        ",
            "\u{200b}\u{200b}\u{200b}\u{200b}\u{a0}\u{a0}\u{a0}\u{a0}",
        ] {
            assert!(is_common(&password.to_lowercase()), "{password}");
        }
        for password in "|Sea breeze 42|New wave 77|zzzzzzzzzzzzzzzzzzzzzzzz".split('|') {
            assert!(!is_common(&password.to_lowercase()), "{password}");
        }
    }

    #[test]
    fn the_filter_contains_a_million_passwords() {
        assert!(COMMON.len() - STARTS_SIZE >= 3 * 1_000_000);
    }

    #[test]
    #[ignore = "writes the filter from lists of passwords on standard input, one a line"]
    fn build_the_filter() -> anyhow::Result<()> {
        let input = std::io::read_to_string(std::io::stdin())?;
        let passwords = input.lines().map(|line| line.trim().to_lowercase());
        let hashes = passwords.filter(|password| password.chars().count() >= SHORTEST_BASE);
        let hashes = hashes.map(|password| Sha256::digest(password)[..5].to_vec());
        let mut hashes: Vec<Vec<u8>> = hashes.collect();
        hashes.sort_unstable();
        hashes.dedup();
        assert!(hashes.len() >= 1_000_000, "the lists are too short");
        let mut filter = Vec::new();
        for bucket in 0..=65_536_u32 {
            let is_before = |hash: &Vec<u8>| u32::from(hash[0]) * 256 + u32::from(hash[1]) < bucket;
            let start = hashes.partition_point(is_before);
            filter.extend(u32::try_from(start)?.to_le_bytes());
        }
        filter.extend(hashes.iter().flat_map(|hash| &hash[2..]));
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/src/common_passwords.bin");
        Ok(std::fs::write(path, filter)?)
    }
}
