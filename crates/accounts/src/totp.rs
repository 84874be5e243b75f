//! Time-based one-time passwords (RFC 6238: SHA-1, six digits, 30 seconds).

use chrono::NaiveDateTime;
use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;
use subtle::ConstantTimeEq;

/// The size of a secret (bytes): that of the hash, as RFC 4226 asks for.
pub const SECRET_SIZE: usize = 20;
/// How long a code is (digits).
pub const DIGITS: usize = 6;
/// How long a code is shown (seconds).
const PERIOD: i64 = 30;
/// A clock may be so many steps off.
pub(crate) const DRIFT: i64 = 1;

/// The half minute that a moment lies in, counted from 1970.
#[must_use]
pub fn step(at: NaiveDateTime) -> i64 {
    at.and_utc().timestamp().div_euclid(PERIOD)
}

/// The code of a step.
#[must_use]
pub fn code(secret: &[u8], step: i64) -> String {
    let mut mac = Hmac::<Sha1>::new_from_slice(secret).expect("HMAC takes keys of any length");
    mac.update(&step.to_be_bytes());
    let digest = mac.finalize().into_bytes();
    let offset = usize::from(digest[19] & 0xf);
    let number = u32::from_be_bytes([
        digest[offset] & 0x7f,
        digest[offset + 1],
        digest[offset + 2],
        digest[offset + 3],
    ]);
    format!("{:06}", number % 1_000_000)
}

/// The step whose code was typed, at most one step off from now and after `last`.
///
/// A `last` step in the future was stored while a clock was ahead, and doesn't count. Every step is compared, in
/// constant time.
#[must_use]
pub fn matching(secret: &[u8], typed: &str, now: NaiveDateTime, last: Option<i64>) -> Option<i64> {
    let now = step(now);
    let last = last.filter(|last| *last <= now + DRIFT);
    let mut found = None;
    for step in now - DRIFT..=now + DRIFT {
        let same: bool = code(secret, step).as_bytes().ct_eq(typed.as_bytes()).into();
        if same && last.is_none_or(|last| step > last) {
            found = Some(step);
        }
    }
    found
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
    fn the_codes_are_those_of_the_standard() {
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
                matching(SECRET, &typed(off), now, None),
                Some(step(now) + off)
            );
        }
        for off in [-2, 2] {
            assert_eq!(matching(SECRET, &typed(off), now, None), None);
        }
        assert_eq!(matching(SECRET, "", now, None), None);
        assert_eq!(matching(b"another secret", &typed(0), now, None), None);
    }

    #[test]
    fn a_code_that_was_taken_and_those_before_it_count_no_more() {
        let now = at(1_111_111_109);
        let typed = |off: i64| code(SECRET, step(now) + off);
        let last = Some(step(now));

        assert_eq!(matching(SECRET, &typed(-1), now, last), None);
        assert_eq!(matching(SECRET, &typed(0), now, last), None);
        assert_eq!(matching(SECRET, &typed(1), now, last), Some(step(now) + 1));
        let ahead = Some(step(now) + 2880);
        assert_eq!(matching(SECRET, &typed(0), now, ahead), Some(step(now)));
    }
}
