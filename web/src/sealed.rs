//! Sealing with the setting `SECRET_KEY`: what is kept or handed out can be read and made by this site alone.

use aes_gcm::aead::{Aead, KeyInit, Payload};
use aes_gcm::{Aes256Gcm, Nonce};
use data_encoding::BASE64URL_NOPAD;

use crate::secret_key::SecretKey;

/// The size of a nonce (bytes); each is random, and far fewer than 2^32 are made of one key (NIST SP 800-38D).
const NONCE: usize = 12;

impl SecretKey {
    /// Seals bytes (AES-256-GCM under a key of their own for each purpose), as text of the URL-safe alphabet.
    ///
    /// They open only with the same purpose and context, so that they count nowhere else.
    pub(crate) fn seal(&self, purpose: &str, context: &str, plain: &[u8]) -> String {
        let mut sealed = vec![0; NONCE];
        getrandom::fill(&mut sealed).expect("the system has a source of random bytes");
        let payload = Payload {
            msg: plain,
            aad: context.as_bytes(),
        };
        let text = self
            .cipher(purpose)
            .encrypt(Nonce::from_slice(&sealed), payload)
            .expect("what fits into memory is not too long to be sealed");
        sealed.extend(text);
        BASE64URL_NOPAD.encode(&sealed)
    }

    /// Opens what was sealed; `None` for what was not, or with another key, purpose or context.
    pub(crate) fn open(&self, purpose: &str, context: &str, sealed: &str) -> Option<Vec<u8>> {
        let sealed = BASE64URL_NOPAD.decode(sealed.as_bytes()).ok()?;
        let (nonce, text) = sealed.split_at_checked(NONCE)?;
        let payload = Payload {
            msg: text,
            aad: context.as_bytes(),
        };
        self.cipher(purpose)
            .decrypt(Nonce::from_slice(nonce), payload)
            .ok()
    }

    fn cipher(&self, purpose: &str) -> Aes256Gcm {
        Aes256Gcm::new(&self.derived(&format!("seal {purpose}")).into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(text: &str) -> SecretKey {
        SecretKey::new(text.repeat(32)).unwrap()
    }

    #[test]
    fn what_was_sealed_opens_for_its_purpose_and_context_alone() {
        let sealed = key("k").seal("form", "7", b"secret");

        assert_eq!(
            key("k").open("form", "7", &sealed).as_deref(),
            Some(&b"secret"[..])
        );
        assert_eq!(key("k").open("form", "8", &sealed), None);
        assert_eq!(key("k").open("factor", "7", &sealed), None);
        assert_eq!(key("j").open("form", "7", &sealed), None);
        for odd in ["", "AAAA", "ö", &sealed[1..]] {
            assert_eq!(key("k").open("form", "7", odd), None, "{odd}");
        }
    }

    #[test]
    fn nothing_is_sealed_twice_alike() {
        let seal = || key("k").seal("form", "7", b"secret");

        assert_ne!(seal(), seal());
        assert!(!seal().contains("secret"));
    }

    #[test]
    fn without_a_key_of_its_own_a_developers_machine_opens_what_it_sealed_before() {
        let sealed = SecretKey::random().seal("factor", "7", b"secret");

        assert!(SecretKey::random().open("factor", "7", &sealed).is_some());
        assert_eq!(key("k").open("factor", "7", &sealed), None);
    }
}
