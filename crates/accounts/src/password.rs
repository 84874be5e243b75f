//! Password hashing: Argon2 for new hashes, Django's algorithms for imported ones.

use std::str::FromStr;
use std::time::{Duration, Instant};

use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use argon2::{Algorithm, Argon2, Params, Version};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use pbkdf2::pbkdf2_hmac;
use sha1::Sha1;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// The longest password that is looked at (characters); a longer one is wrong without being hashed.
pub const LONGEST: usize = 1024;

/// A stored hash that costs more than this to check is taken for wrong, so that no row can stop the door.
const PATIENCE: Duration = Duration::from_secs(20);
/// The most memory that checking a stored hash may take (KiB).
const MEMORY: u32 = 256 * 1024;

/// OWASP's memory for argon2id (KiB), and passes so that a check takes about a tenth of a second of one core.
const OUR_MEMORY: u32 = 19 * 1024;
const OUR_PASSES: u32 = 3;
/// How a hash of ours begins.
const OUR_KIND: &str = "$argon2id$v=19$m=19456,t=3,p=1";

/// A hash that no password has, to check against where there is no account, so that it takes the same time.
pub const UNUSABLE: &str = "!";

/// What checking a password told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It is the password.
    Right,
    /// It is the password, and its hash should be made anew in our own way.
    RightButOld,
    /// It is not the password, or there is none.
    Wrong,
}

fn ours() -> Argon2<'static> {
    let params =
        Params::new(OUR_MEMORY, OUR_PASSES, 1, None).expect("the constants above are in range");
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
}

/// The hash of a password (argon2id, RFC 9106) as a PHC string, with a salt of its own.
#[must_use]
pub fn hash(password: &str) -> String {
    ours()
        .hash_password(password.as_bytes())
        .expect("hashing fails only for parameters out of range")
        .to_string()
}

/// Whether a password has this hash.
#[must_use]
pub fn verify(password: &str, stored: &str) -> Verdict {
    if password.chars().count() > LONGEST {
        return Verdict::Wrong;
    }
    if stored.starts_with("$argon2") {
        let rest = stored.strip_prefix(OUR_KIND);
        let current = rest.is_some_and(|rest| rest.starts_with('$'));
        return match (argon2(password, stored), current) {
            (true, true) => Verdict::Right,
            (true, false) => Verdict::RightButOld,
            (false, _) => Verdict::Wrong,
        };
    }
    if django(password, stored).unwrap_or(false) {
        return Verdict::RightButOld;
    }
    if stored.starts_with('!') || stored.is_empty() {
        // No account, or none that can be logged in to: take as long as if there were one.
        let _ = ours().hash_password(password.as_bytes());
    }
    Verdict::Wrong
}

/// Whether a password has the hash of one of Django's hashers; `None` for a hash that none of them makes.
fn django(password: &str, stored: &str) -> Option<bool> {
    let (algorithm, rest) = stored.split_once('$')?;
    match algorithm {
        "pbkdf2_sha256" => pbkdf2::<32>(password, rest, pbkdf2_hmac::<Sha256>),
        "pbkdf2_sha1" => pbkdf2::<20>(password, rest, pbkdf2_hmac::<Sha1>),
        // Django hashes first, since bcrypt takes no more than 72 bytes.
        "bcrypt_sha256" => bcrypt(&hex::encode(Sha256::digest(password)), rest),
        "bcrypt" => bcrypt(password, rest),
        "argon2" => Some(argon2(password, &format!("${rest}"))),
        "scrypt" => scrypt(password, rest),
        _ => None,
    }
}

/// Whether a stored hash is of a kind that can be checked, or opens no door on purpose.
#[must_use]
pub fn is_known(stored: &str) -> bool {
    const DJANGO: [&str; 6] = [
        "pbkdf2_sha256",
        "pbkdf2_sha1",
        "bcrypt_sha256",
        "bcrypt",
        "argon2",
        "scrypt",
    ];
    let kind = stored.split_once('$').map_or("", |(kind, _)| kind);
    stored.starts_with('!') || stored.starts_with("$argon2") || DJANGO.contains(&kind)
}

/// `ROUNDS$SALT$BASE64`.
fn pbkdf2<const SIZE: usize>(
    password: &str,
    rest: &str,
    derive: fn(&[u8], &[u8], u32, &mut [u8]),
) -> Option<bool> {
    const SAMPLE: u32 = 1_000;
    /// One quick sample is enough; that all are slow by chance is as good as ruled out.
    const SAMPLES: usize = 5;
    let [rounds, salt, expected] = parts(rest)?;
    let rounds: u32 = rounds.parse().ok().filter(|rounds| *rounds > 0)?;
    let expected = STANDARD.decode(expected).ok()?;
    let mut derived = [0; SIZE];
    let mut is_affordable = || {
        let start = Instant::now();
        derive(password.as_bytes(), salt.as_bytes(), SAMPLE, &mut derived);
        start.elapsed() * (rounds / SAMPLE) <= PATIENCE
    };
    if !(0..SAMPLES).any(|_| is_affordable()) {
        return None;
    }
    derive(password.as_bytes(), salt.as_bytes(), rounds, &mut derived);
    Some(same(&derived, &expected))
}

/// `$2b$COST$SALT-AND-HASH`.
fn bcrypt(password: &str, rest: &str) -> Option<bool> {
    /// A cost of 16 takes about five seconds.
    const LARGEST_COST: u32 = 16;
    let cost = bcrypt::HashParts::from_str(rest).ok()?.get_cost();
    if cost > LARGEST_COST {
        return None;
    }
    bcrypt::verify(password, rest).ok()
}

/// `N$SALT$R$P$BASE64`.
fn scrypt(password: &str, rest: &str) -> Option<bool> {
    let [n, salt, r, p, expected] = parts(rest)?;
    let (n, r, p): (u32, u32, u32) = (n.parse().ok()?, r.parse().ok()?, p.parse().ok()?);
    let kib = u64::from(n) * u64::from(r) / 8;
    if !n.is_power_of_two() || kib > u64::from(MEMORY) || p > 16 {
        return None;
    }
    let params = scrypt::Params::new(u8::try_from(n.ilog2()).ok()?, r, p).ok()?;
    let expected = STANDARD.decode(expected).ok()?;
    let mut derived = [0; 64];
    scrypt::scrypt(password.as_bytes(), salt.as_bytes(), &params, &mut derived).ok()?;
    Some(same(&derived, &expected))
}

/// A PHC string of any of argon2's kinds.
fn argon2(password: &str, stored: &str) -> bool {
    let Ok(parsed) = argon2::password_hash::phc::PasswordHash::new(stored) else {
        return false;
    };
    let affordable = Params::try_from(&parsed).is_ok_and(|params| {
        params.m_cost() <= MEMORY && params.t_cost() <= 64 && params.p_cost() <= 64
    });
    affordable
        && Argon2::default()
            .verify_password(password.as_bytes(), &parsed)
            .is_ok()
}

fn parts<const N: usize>(text: &str) -> Option<[&str; N]> {
    text.split('$').collect::<Vec<_>>().try_into().ok()
}

fn same(a: &[u8], b: &[u8]) -> bool {
    a.ct_eq(b).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_own_hash_is_checked_and_salted() {
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
    fn every_hash_of_django_opens_with_its_password_alone_and_is_old() {
        for stored in DJANGO {
            assert_eq!(
                verify("Sea breeze 42", stored),
                Verdict::RightButOld,
                "{stored}"
            );
            assert_eq!(verify("sea breeze 42", stored), Verdict::Wrong, "{stored}");
        }
    }

    #[test]
    fn a_hash_of_django_may_be_known_by_its_kind() {
        for stored in DJANGO.iter().chain(&["!", "!unusable"]) {
            assert!(is_known(stored), "{stored}");
        }
        assert!(is_known(&hash("Sea breeze 42")));
        for stored in ["", "plain", "md5$salt$5f4dcc3b", "pbkdf2_sha256", "x$y$z"] {
            assert!(!is_known(stored), "{stored}");
        }
    }

    #[test]
    fn what_is_no_hash_or_costs_too_much_opens_nothing() {
        for stored in [
            "",
            "!",
            "!unusable",
            "plain",
            "md5$salt$5f4dcc3b",
            "pbkdf2_sha256$4294967295$salt$AAAA",
            "pbkdf2_sha256$0$salt$AAAA",
            "scrypt$1073741824$salt$8$1$AAAA",
            "bcrypt_sha256$$2b$31$abcdefghijklmnopqrstuuabcdefghijklmnopqrstuvwxyzabcdefghijk",
            "$argon2id$v=19$m=4194304,t=3,p=1$c2FsdHNhbHQ$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        ] {
            assert_eq!(verify("password", stored), Verdict::Wrong, "{stored}");
        }
    }

    #[test]
    fn a_password_without_end_is_wrong() {
        let long = "x".repeat(LONGEST + 1);

        assert_eq!(verify(&long, &hash(&long)), Verdict::Wrong);
    }
}
