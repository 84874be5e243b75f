//! Password hashing: Argon2 for new hashes, Django's algorithms for imported ones.

use std::str::FromStr;

use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use argon2::{Algorithm, Argon2, Params, Version};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use pbkdf2::pbkdf2_hmac;
use sha1::Sha1;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// Maximum length of a password, in characters; longer ones are wrong without being hashed.
pub const LONGEST: usize = 1024;

/// Cost limits of stored hashes, of a few seconds each; more expensive hashes match no password, so that no row can
/// block logins. Django 6.0 uses 1.2 million rounds of PBKDF2, and bcrypt with cost 12.
const MAX_ROUNDS: u32 = 5_000_000;
const MAX_BCRYPT_COST: u32 = 15;
/// Maximum memory in KiB.
const MAX_MEMORY: u32 = 256 * 1024;

/// OWASP's memory for argon2id in KiB, and passes for about a tenth of a second on one core.
const OUR_MEMORY: u32 = 19 * 1024;
const OUR_PASSES: u32 = 3;
/// Start of a new hash.
const OUR_PREFIX: &str = "$argon2id$v=19$m=19456,t=3,p=1$";

/// A hash that matches no password.
pub const UNUSABLE: &str = "!";

/// Result of verifying a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The password is right.
    Right,
    /// The password is right, and should be rehashed.
    Outdated,
    /// The password is wrong, or the user has none.
    Wrong,
    /// The hash isn't supported or too expensive, so no password is right until a new one is set.
    Unsupported,
}

impl Verdict {
    /// Whether the password is right.
    pub fn is_right(self) -> bool {
        matches!(self, Self::Right | Self::Outdated)
    }
}

fn argon2id() -> Argon2<'static> {
    let params =
        Params::new(OUR_MEMORY, OUR_PASSES, 1, None).expect("the constants above are in range");
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
}

/// The salted hash of a password (argon2id, RFC 9106) as a PHC string.
pub fn hash(password: &str) -> String {
    argon2id()
        .hash_password(password.as_bytes())
        .expect("hashing fails only for parameters out of range")
        .to_string()
}

/// Verifies a password against a stored hash.
pub fn verify(password: &str, stored: &str) -> Verdict {
    if password.chars().count() > LONGEST {
        return Verdict::Wrong;
    }
    if stored.starts_with('!') || stored.is_empty() {
        // Take as long as for a user with a password.
        let _ = argon2id().hash_password(password.as_bytes());
        return Verdict::Wrong;
    }
    let is_right = verifier(stored).and_then(|(verify, rest)| verify(password, rest));
    match is_right {
        Some(true) if stored.starts_with(OUR_PREFIX) => Verdict::Right,
        Some(true) => Verdict::Outdated,
        Some(false) => Verdict::Wrong,
        None => Verdict::Unsupported,
    }
}

/// Verifies a password against a hash without its algorithm; `None` if its parameters aren't supported.
type Verifier = fn(&str, &str) -> Option<bool>;

/// The verifier of a stored hash (PHC string or Django's format), and the part after the algorithm; `None` if unsupported.
fn verifier(stored: &str) -> Option<(Verifier, &str)> {
    let (algorithm, rest) = stored.split_once('$')?;
    let verifier: Verifier = match algorithm {
        "" if !rest.starts_with("argon2") => return None,
        "" | "argon2" => verify_argon2,
        "pbkdf2_sha256" => {
            |password, rest| verify_pbkdf2::<32>(password, rest, pbkdf2_hmac::<Sha256>)
        }
        "pbkdf2_sha1" => |password, rest| verify_pbkdf2::<20>(password, rest, pbkdf2_hmac::<Sha1>),
        // Django hashes first, because bcrypt only uses 72 bytes.
        "bcrypt_sha256" => {
            |password, rest| verify_bcrypt(&hex::encode(Sha256::digest(password)), rest)
        }
        "bcrypt" => verify_bcrypt,
        "scrypt" => verify_scrypt,
        _ => return None,
    };
    Some((verifier, rest))
}

/// Whether the algorithm of a hash is supported, or the hash matches no password on purpose.
pub fn is_supported(stored: &str) -> bool {
    stored.starts_with('!') || verifier(stored).is_some()
}

/// `ROUNDS$SALT$BASE64`.
fn verify_pbkdf2<const SIZE: usize>(
    password: &str,
    rest: &str,
    derive: fn(&[u8], &[u8], u32, &mut [u8]),
) -> Option<bool> {
    let [rounds, salt, expected] = parts(rest)?;
    let rounds: u32 = rounds.parse().ok()?;
    if !(1..=MAX_ROUNDS).contains(&rounds) {
        return None;
    }
    let expected = STANDARD.decode(expected).ok()?;
    let mut derived = [0; SIZE];
    derive(password.as_bytes(), salt.as_bytes(), rounds, &mut derived);
    Some(derived.ct_eq(&expected).into())
}

/// `$2b$COST$SALT-AND-HASH`.
fn verify_bcrypt(password: &str, rest: &str) -> Option<bool> {
    if bcrypt::HashParts::from_str(rest).ok()?.get_cost() > MAX_BCRYPT_COST {
        return None;
    }
    bcrypt::verify(password, rest).ok()
}

/// `N$SALT$R$P$BASE64`.
fn verify_scrypt(password: &str, rest: &str) -> Option<bool> {
    let [n, salt, r, p, expected] = parts(rest)?;
    let (n, r, p): (u32, u32, u32) = (n.parse().ok()?, r.parse().ok()?, p.parse().ok()?);
    let kib = u64::from(n) * u64::from(r) / 8;
    if !n.is_power_of_two() || kib > u64::from(MAX_MEMORY) || p > 16 {
        return None;
    }
    let params = scrypt::Params::new(u8::try_from(n.ilog2()).ok()?, r, p).ok()?;
    let expected = STANDARD.decode(expected).ok()?;
    let mut derived = [0; 64];
    scrypt::scrypt(password.as_bytes(), salt.as_bytes(), &params, &mut derived).ok()?;
    Some(derived.ct_eq(&expected).into())
}

/// A PHC string of any variant of Argon2, without its first `$`.
fn verify_argon2(password: &str, rest: &str) -> Option<bool> {
    let stored = format!("${rest}");
    let parsed = argon2::password_hash::phc::PasswordHash::new(&stored).ok()?;
    let is_affordable = Params::try_from(&parsed).is_ok_and(|params| {
        params.m_cost() <= MAX_MEMORY && params.t_cost() <= 64 && params.p_cost() <= 64
    });
    let verify = || Argon2::default().verify_password(password.as_bytes(), &parsed);
    is_affordable.then(|| verify().is_ok())
}

fn parts<const N: usize>(text: &str) -> Option<[&str; N]> {
    text.split('$').collect::<Vec<_>>().try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_are_salted_and_verified() {
        let hashed = hash("correct horse");

        assert!(hashed.starts_with("$argon2id$v=19$m=19456,t=3,p=1$"));
        assert_eq!(verify("correct horse", &hashed), Verdict::Right);
        assert_eq!(verify("correct horsf", &hashed), Verdict::Wrong);
        assert_ne!(hash("correct horse"), hashed);
    }

    /// Made by Django 5.2 with few rounds, so that the test is quick.
    const DJANGO: [&str; 5] = [
        "pbkdf2_sha256$1200$saltsaltsalt$8TtVvcM/X1bNKYi7S+EBwfglV6bCX9jJWKXHP0AlFV4=",
        "pbkdf2_sha1$1200$saltsaltsalt$Rweu84WUlAtwGYQ/JrOWggoorNw=",
        "bcrypt_sha256$$2b$04$3Hrykc0S0jXLLZS2J2LR2es3SVCZ1vxQAuXnOvG4zseKM7oD93M9m",
        "argon2$argon2id$v=19$m=64,t=1,p=2$c2FsdHNhbHRzYWx0$S/rQslJsgZa10AiogRi20tM2rCiZOJ/RaCrunqcBixo",
        "scrypt$16$saltsaltsalt$8$5$0RKArdxtqbygiyeRIdCDml2EevZlouxafmNYVqqxijZVwyqdzJIntDg1BYE6NM/EpaSnV4rkRdW6zaVjuA9ciw==",
    ];

    #[test]
    fn hashes_of_django_are_verified_and_outdated() {
        for stored in DJANGO {
            assert_eq!(
                verify("Sea breeze 42", stored),
                Verdict::Outdated,
                "{stored}"
            );
            assert_eq!(verify("sea breeze 42", stored), Verdict::Wrong, "{stored}");
        }
    }

    #[test]
    fn supported_algorithms_are_recognized() {
        for stored in DJANGO.iter().chain(&["!", "!unusable"]) {
            assert!(is_supported(stored), "{stored}");
        }
        assert!(is_supported(&hash("Sea breeze 42")));
        for stored in ["", "plain", "md5$salt$5f4dcc3b", "pbkdf2_sha256", "x$y$z"] {
            assert!(!is_supported(stored), "{stored}");
        }
    }

    #[test]
    fn invalid_and_expensive_hashes_match_no_password() {
        for stored in ["", "!", "!unusable"] {
            assert_eq!(verify("password", stored), Verdict::Wrong, "{stored}");
        }
        let hashes = "plain md5$salt$5f4dcc3b pbkdf2_sha256$4294967295$salt$AAAA \
                pbkdf2_sha256$100000000$salt$AAAA pbkdf2_sha256$0$salt$AAAA \
                scrypt$1073741824$salt$8$1$AAAA \
                bcrypt_sha256$$2b$31$abcdefghijklmnopqrstuuabcdefghijklmnopqrstuvwxyzabcdefghijk \
                $argon2id$v=19$m=4194304,t=3,p=1$c2FsdHNhbHQ$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
        for stored in hashes.split(' ') {
            assert_eq!(verify("password", stored), Verdict::Unsupported, "{stored}");
        }
    }

    #[test]
    fn overlong_passwords_are_wrong() {
        let long = "x".repeat(LONGEST + 1);

        assert_eq!(verify(&long, &hash(&long)), Verdict::Wrong);
    }
}
