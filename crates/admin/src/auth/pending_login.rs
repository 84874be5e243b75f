//! Pending login: a cookie that names the user whose password was right, for ten minutes.
//!
//! It is valid for the code page only. The session starts after the code.

use accounts::User;
use actix_web::HttpRequest;
use actix_web::cookie::Cookie;
use actix_web::cookie::time::Duration;
use chrono::{DateTime, Utc};
use subtle::ConstantTimeEq;

use crate::auth::csrf::CookieRules;
use crate::secret_key::SecretKey;

const COOKIE: &str = "second_step";
/// Minutes to enter the code.
const MINUTES: i64 = 10;
/// Maximum clock difference between two nodes (seconds).
const CLOCK_SKEW: i64 = 60;

/// Whether an expiry is in the future, but no more than its lifetime (`seconds`) ahead: one further ahead comes from a
/// clock that was wrong.
pub(super) fn is_unexpired(until: i64, seconds: i64, now: DateTime<Utc>) -> bool {
    let now = now.timestamp();
    now < until && until <= now.saturating_add(seconds + CLOCK_SKEW)
}

pub(crate) struct PendingLogin {
    pub(crate) user_id: i64,
    until: i64,
    signature: String,
}

fn signature(key: &SecretKey, user: &User, until: i64) -> String {
    // A changed password invalidates it.
    let parts = [&user.id.to_string(), &until.to_string(), &user.password];
    key.sign("second step", &parts.map(String::as_str))
}

pub(crate) fn cookie(
    rules: CookieRules,
    key: &SecretKey,
    user: &User,
    now: DateTime<Utc>,
) -> Cookie<'static> {
    let until = now.timestamp() + MINUTES * 60;
    let signature = signature(key, user, until);
    let mut cookie = rules.cookie(COOKIE, format!("{}.{until}.{signature}", user.id));
    cookie.set_max_age(Duration::minutes(MINUTES));
    cookie
}

pub(crate) fn removal(rules: CookieRules) -> Cookie<'static> {
    let mut cookie = rules.cookie(COOKIE, String::new());
    cookie.make_removal();
    cookie
}

impl PendingLogin {
    /// The content of the request's cookie, not yet verified.
    pub(crate) fn from_request(request: &HttpRequest, rules: CookieRules) -> Option<Self> {
        let cookie = request.cookie(&rules.name(COOKIE))?;
        let mut parts = cookie.value().splitn(3, '.');
        Some(Self {
            user_id: parts.next()?.parse().ok()?,
            until: parts.next()?.parse().ok()?,
            signature: parts.next()?.to_owned(),
        })
    }

    /// Whether the signature is valid for this user and has not expired.
    pub(crate) fn is_valid(&self, key: &SecretKey, user: &User, now: DateTime<Utc>) -> bool {
        let expected = signature(key, user, self.until);
        let same: bool = expected.as_bytes().ct_eq(self.signature.as_bytes()).into();
        same && user.id == self.user_id && is_unexpired(self.until, MINUTES * 60, now)
    }
}

#[cfg(test)]
pub(super) mod tests {
    use actix_web::test::TestRequest;
    use proptest::prelude::*;

    use super::*;
    use crate::auth::csrf::Csrf;

    const RULES: CookieRules = CookieRules { https: false };

    pub(in crate::auth) fn user(id: i64, password: &str) -> User {
        User {
            id,
            username: "ada".to_owned(),
            password: password.to_owned(),
            first_name: String::new(),
            last_name: String::new(),
            email: String::new(),
            is_active: true,
            is_staff: true,
            is_superuser: false,
            last_login: None,
            date_joined: DateTime::UNIX_EPOCH.naive_utc(),
            must_change_password: false,
        }
    }

    #[test]
    fn a_right_password_counts_for_its_user_and_for_ten_minutes() -> anyhow::Result<()> {
        let key = SecretKey::random();
        let at = |seconds| DateTime::from_timestamp(seconds, 0).unwrap();
        let request = TestRequest::get()
            .cookie(cookie(RULES, &key, &user(7, "hash"), at(0)))
            .to_http_request();

        let pending = PendingLogin::from_request(&request, RULES)
            .ok_or_else(|| anyhow::anyhow!("no pending"))?;

        assert_eq!(pending.user_id, 7);
        assert!(pending.is_valid(&key, &user(7, "hash"), at(599)));
        assert!(!pending.is_valid(&key, &user(7, "hash"), at(600)));
        assert!(!pending.is_valid(&key, &user(8, "hash"), at(1)));
        assert!(!pending.is_valid(&key, &user(7, "another"), at(1)));
        assert!(!pending.is_valid(&SecretKey::random(), &user(7, "hash"), at(1)));
        Ok(())
    }

    /// Kind of fault: a time in the future counts as recent.
    #[test]
    fn expiries_too_far_ahead_are_rejected() {
        for (until, is_valid) in [
            (1_000, false),
            (1_001, true),
            (1_600, true),
            // Two nodes, one a little ahead: uport-project/uport-credentials#43, symfony/cli#465.
            (1_660, true),
            // A clock that was ahead: DanielLavrushin/asuswrt-merlin-idefix#14, wultra/powerauth-server#930.
            (1_661, false),
            (1_000 + 24 * 60 * 60, false),
            (i64::MAX, false),
            // A clock that was behind, or lost its battery: dani-garcia/vaultwarden#1031.
            (-1, false),
        ] {
            let now = DateTime::from_timestamp(1_000, 0).unwrap();
            assert_eq!(is_unexpired(until, 600, now), is_valid, "{until}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn no_cookie_header_makes_the_parser_panic_or_is_accepted(
            cookies in "((second_step|csrf|session)=)?[-0-9.a-f;=%\" ]{0,80}(\\PC{0,20}(; )?csrf=[0-9a-g]{31,33})?",
        ) {
            let key = SecretKey::random();
            let request = TestRequest::get().append_header(("cookie", cookies.as_bytes())).to_http_request();
            let pending = PendingLogin::from_request(&request, RULES);
            prop_assert!(pending.is_none_or(|it| !it.is_valid(&key, &user(7, "hash"), DateTime::UNIX_EPOCH)));
            prop_assert_eq!(Csrf::from_request(&request, RULES).token(&key, 7).len(), 64);
        }
    }
}
