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

/// The cookie after the right password.
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
        same && user.id == self.user_id && now.timestamp() < self.until
    }
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    const RULES: CookieRules = CookieRules { https: false };

    fn user(id: i64, password: &str) -> User {
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
}
