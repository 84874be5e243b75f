//! The setting `SECRET_KEY`: signs and encrypts values that the site hands out.

use std::fmt;

use aes_gcm::aead::{Aead, KeyInit, Payload};
use aes_gcm::{Aes256Gcm, Nonce};
use data_encoding::BASE64URL_NOPAD;
use hmac::{Hmac, Mac};
use sha2::{Digest, Sha256};

const MIN_LENGTH: usize = 32;

/// Length of an AES-GCM nonce (bytes). Random nonces are safe below 2^32 messages per key (NIST SP 800-38D).
const NONCE_LENGTH: usize = 12;

/// SHA-256 of the keys published in repositories of the Django editions of this site.
const PUBLISHED: [&str; 1] = ["1bb02fb7984650e7f8a12564917084fa6489467952485da1838dab050061c0cb"];

/// Prefix of the keys that Django generates for development.
const DJANGO_INSECURE: &str = "django-insecure-";

/// Encryption key where `SECRET_KEY` is not set (development only), so that a restart can still decrypt stored values.
const DEVELOPMENT: &str = "a developer's machine has no secrets";

/// The key of the site. It is never printed.
#[derive(Clone)]
pub struct SecretKey {
    text: String,
    is_generated: bool,
}

impl SecretKey {
    /// Checks a key. The error says what is allowed and never contains the key.
    pub fn new(key: String) -> Result<Self, &'static str> {
        if key.len() < MIN_LENGTH {
            return Err("it must have 32 bytes or more");
        }
        if key.starts_with(DJANGO_INSECURE)
            || PUBLISHED.contains(&hex::encode(Sha256::digest(&key)).as_str())
        {
            return Err(
                "this key is published with a Django edition of the site; generate a new one",
            );
        }
        Ok(Self {
            text: key,
            is_generated: false,
        })
    }

    /// A random key for one run, in development.
    pub fn random() -> Self {
        let mut bytes = [0; MIN_LENGTH];
        getrandom::fill(&mut bytes).expect("the system has a source of random bytes");
        Self {
            text: hex::encode(bytes),
            is_generated: true,
        }
    }

    /// The bytes to derive other keys from.
    pub fn bytes(&self) -> &[u8] {
        self.text.as_bytes()
    }

    /// Signs a list of values: HMAC-SHA-256 (RFC 2104) in hexadecimal.
    ///
    /// A signature made for one `purpose` is not valid for another.
    pub fn sign(&self, purpose: &str, values: &[&str]) -> String {
        let mut mac = hmac(self.bytes());
        for value in [&purpose].into_iter().chain(values) {
            // Length-prefixed, so that ["ab", "c"] and ["a", "bc"] differ.
            mac.update(&(value.len() as u64).to_be_bytes());
            mac.update(value.as_bytes());
        }
        hex::encode(mac.finalize().into_bytes())
    }

    /// Encrypts bytes with AES-256-GCM, as URL-safe Base64. Each purpose has its own derived key.
    ///
    /// Only [`open`](Self::open) with the same purpose and context decrypts them.
    pub fn seal(&self, purpose: &str, context: &str, plain: &[u8]) -> String {
        let mut sealed = vec![0; NONCE_LENGTH];
        getrandom::fill(&mut sealed).expect("the system has a source of random bytes");
        let payload = Payload {
            msg: plain,
            aad: context.as_bytes(),
        };
        let text = self
            .cipher(purpose)
            .encrypt(Nonce::from_slice(&sealed), payload)
            .expect("AES-GCM encrypts up to 64 GB, more than fits into memory");
        sealed.extend(text);
        BASE64URL_NOPAD.encode(&sealed)
    }

    /// Decrypts sealed bytes; `None` if they were tampered with, or sealed with another key, purpose or context.
    pub fn open(&self, purpose: &str, context: &str, sealed: &str) -> Option<Vec<u8>> {
        let sealed = BASE64URL_NOPAD.decode(sealed.as_bytes()).ok()?;
        let (nonce, text) = sealed.split_at_checked(NONCE_LENGTH)?;
        let payload = Payload {
            msg: text,
            aad: context.as_bytes(),
        };
        self.cipher(purpose)
            .decrypt(Nonce::from_slice(nonce), payload)
            .ok()
    }

    fn cipher(&self, purpose: &str) -> Aes256Gcm {
        let key = if self.is_generated {
            DEVELOPMENT.as_bytes()
        } else {
            self.bytes()
        };
        let mut mac = hmac(key);
        mac.update(format!("seal {purpose}").as_bytes());
        let derived: [u8; 32] = mac.finalize().into_bytes().into();
        Aes256Gcm::new(&derived.into())
    }
}

fn hmac(key: &[u8]) -> Hmac<Sha256> {
    hmac::KeyInit::new_from_slice(key).expect("HMAC takes keys of any length")
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretKey(hidden)")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn key(text: &str) -> SecretKey {
        SecretKey::new(text.repeat(32)).unwrap()
    }

    #[test]
    fn short_and_published_keys_are_rejected() {
        let error = |key: &str| SecretKey::new(key.to_owned()).err();

        assert_eq!(error("short"), Some("it must have 32 bytes or more"));
        assert!(
            error("django-insecure-0123456789abcdefghijklmnop")
                .is_some_and(|why| why.contains("published"))
        );
        // The key of the first Django edition, in two halves so that no scanner takes it for a leak.
        let first = ["fp$9^593hsriajg$_%=5trot9", "g!1qa@ew(o-1#@=&4%=hp46(s"].concat();
        assert!(error(&first).is_some_and(|why| why.contains("published")));
        assert_eq!(error("0123456789abcdef0123456789abcdef"), None);
    }

    #[test]
    fn a_signature_depends_on_key_purpose_and_every_value() {
        let signature = key("k").sign("form", &["ab", "c"]);

        assert_eq!(signature, key("k").sign("form", &["ab", "c"]));
        assert_ne!(signature, key("j").sign("form", &["ab", "c"]));
        assert_ne!(signature, key("k").sign("browser", &["ab", "c"]));
        assert_ne!(signature, key("k").sign("form", &["a", "bc"]));
    }

    #[test]
    fn sealed_bytes_open_only_with_their_key_purpose_and_context() {
        let sealed = key("k").seal("form", "7", b"secret");

        assert_eq!(
            key("k").open("form", "7", &sealed).as_deref(),
            Some(&b"secret"[..])
        );
        assert_eq!(key("k").open("form", "8", &sealed), None);
        assert_eq!(key("k").open("factor", "7", &sealed), None);
        assert_eq!(key("j").open("form", "7", &sealed), None);
        for invalid in ["", "AAAA", "ö", &sealed[1..]] {
            assert_eq!(key("k").open("form", "7", invalid), None, "{invalid}");
        }
    }

    #[test]
    fn sealing_twice_gives_different_text() {
        let seal = || key("k").seal("form", "7", b"secret");

        assert_ne!(seal(), seal());
    }

    #[test]
    fn generated_keys_open_what_an_earlier_one_sealed() {
        let sealed = SecretKey::random().seal("factor", "7", b"secret");

        assert!(SecretKey::random().open("factor", "7", &sealed).is_some());
        assert_eq!(key("k").open("factor", "7", &sealed), None);
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn no_text_makes_the_key_panic_or_open_it(text in "[-_A-Za-z0-9]{0,120}|\\PC{0,40}", at in 0..40_usize, other in "[-_A-Za-z0-9]?") {
            let key = key("k");
            let sealed = key.seal("form", "7", b"secret");
            let mut changed = sealed.clone();
            changed.replace_range(at..=at, &other);
            prop_assert_eq!(key.open("form", "7", &text), None);
            prop_assert_eq!(key.open("form", "7", &changed).is_some(), changed == sealed);
        }
    }

    #[test]
    fn a_key_is_never_printed() {
        let key = SecretKey::new("0123456789abcdef0123456789abcdef".to_owned()).unwrap();

        assert_eq!(format!("{key:?}"), "SecretKey(hidden)");
        assert_ne!(SecretKey::random().text, SecretKey::random().text);
    }
}
