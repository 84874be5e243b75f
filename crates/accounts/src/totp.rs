//! Time-based one-time passwords (RFC 6238: SHA-1, six digits, 30 seconds).

use chrono::NaiveDateTime;
use totp_rs::{Builder, Totp};

/// Size of a secret in bytes: that of the hash, as RFC 4226 recommends.
pub const SECRET_SIZE: usize = 20;
/// Length of a code in digits.
pub const DIGITS: usize = 6;
/// Seconds per time step.
const PERIOD: i64 = 30;
/// Tolerated clock drift in time steps.
pub(crate) const DRIFT: i64 = 1;

/// The time step, counted from 1970.
pub fn step(at: NaiveDateTime) -> i64 {
    at.and_utc().timestamp().div_euclid(PERIOD)
}

/// The code of a time step.
pub fn code(secret: &[u8], step: i64) -> String {
    totp(secret).generate(seconds(step)).to_string()
}

/// The time step of a code, at most one step from now.
pub fn matching_step(secret: &[u8], typed: &str, now: NaiveDateTime) -> Option<i64> {
    let step = totp(secret).check(typed, seconds(step(now)))?;
    i64::try_from(step).ok()
}

/// The library's defaults are SHA-1, six digits, 30 seconds and a drift of one step.
fn totp(secret: &[u8]) -> Totp {
    Builder::new().with_secret(secret).build_noncompliant()
}

fn seconds(step: i64) -> u64 {
    u64::try_from(step * PERIOD).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::*;

    /// The secret of RFC 6238's appendix B.
    const SECRET: &[u8] = b"12345678901234567890";

    fn at(seconds: i64) -> NaiveDateTime {
        DateTime::from_timestamp(seconds, 0).unwrap().naive_utc()
    }

    #[test]
    fn codes_match_the_test_vectors_of_rfc_6238() {
        for (seconds, expected) in [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_111_111_111, "050471"),
            (1_234_567_890, "005924"),
            (2_000_000_000, "279037"),
            (20_000_000_000, "353130"),
        ] {
            assert_eq!(code(SECRET, step(at(seconds))), expected, "{seconds}");
        }
    }

    #[test]
    fn a_clock_may_be_one_step_off_but_not_two() {
        let now = at(1_111_111_109);
        let typed = |off: i64| code(SECRET, step(now) + off);

        for off in [-1, 0, 1] {
            assert_eq!(
                matching_step(SECRET, &typed(off), now),
                Some(step(now) + off)
            );
        }
        for off in [-2, 2] {
            assert_eq!(matching_step(SECRET, &typed(off), now), None);
        }
        assert_eq!(matching_step(SECRET, "", now), None);
        assert_eq!(matching_step(b"another secret", &typed(0), now), None);
    }
}
