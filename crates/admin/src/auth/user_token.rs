//! Tokens of a user that are valid for a short time: a signature over the user and the expiry.

use accounts::User;
use chrono::{DateTime, Duration, Utc};
use diesel::OptionalExtension;
use oc_http::PageError;
use subtle::ConstantTimeEq;

use crate::auth::request::AdminRequest;
use crate::secret_key::SecretKey;

/// Maximum clock difference between two nodes.
const CLOCK_SKEW: Duration = Duration::minutes(1);

/// A kind of token.
pub(super) struct UserToken {
    pub(super) purpose: &'static str,
    pub(super) lifetime: Duration,
    /// What invalidates it by changing, besides the password.
    pub(super) facts: fn(&User) -> Vec<String>,
}

impl UserToken {
    pub(super) fn issue(&self, key: &SecretKey, user: &User, now: DateTime<Utc>) -> String {
        self.token(key, user, (now + self.lifetime).timestamp())
    }

    fn token(&self, key: &SecretKey, user: &User, until: i64) -> String {
        let mut values = vec![
            user.id.to_string(),
            until.to_string(),
            user.password.clone(),
        ];
        values.extend((self.facts)(user));
        let values: Vec<&str> = values.iter().map(String::as_str).collect();
        format!("{until}-{}", key.sign(self.purpose, &values))
    }

    /// The user with this id, if the token is valid.
    pub(super) async fn find_user(
        &self,
        request: &AdminRequest,
        id: &str,
        token: &str,
    ) -> Result<Option<User>, PageError> {
        let Ok(id) = id.parse() else {
            return Ok(None);
        };
        let user = request.read(move |conn| User::find(conn, id).optional());
        let user = user.await?;
        Ok(user.filter(|user| self.is_valid(request.key(), user, token, Utc::now())))
    }

    /// Whether a token is valid and its user can log in.
    pub(super) fn is_valid(
        &self,
        key: &SecretKey,
        user: &User,
        token: &str,
        now: DateTime<Utc>,
    ) -> bool {
        let until = token
            .split_once('-')
            .and_then(|(until, _)| until.parse().ok());
        until.is_some_and(|until| {
            let expected = self.token(key, user, until);
            let is_same: bool = expected.as_bytes().ct_eq(token.as_bytes()).into();
            // An expiry further ahead comes from a clock that was wrong.
            let latest = now + self.lifetime + CLOCK_SKEW;
            user.can_log_in() && is_same && now.timestamp() < until && until <= latest.timestamp()
        })
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

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

    const TOKEN: UserToken = UserToken {
        purpose: "test",
        lifetime: Duration::minutes(10),
        facts: |user| vec![user.email.clone()],
    };

    #[test]
    fn a_token_is_valid_for_its_user_until_a_fact_changes() {
        let (key, now) = (SecretKey::random(), DateTime::UNIX_EPOCH);
        let token = TOKEN.issue(&key, &user(7, "hash"), now);
        let mut moved = user(7, "hash");
        moved.email.push('x');

        assert!(TOKEN.is_valid(&key, &user(7, "hash"), &token, now));
        for another in [user(8, "hash"), user(7, "another"), moved] {
            assert!(!TOKEN.is_valid(&key, &another, &token, now));
        }
        assert!(!TOKEN.is_valid(&SecretKey::random(), &user(7, "hash"), &token, now));
    }

    /// Kind of fault: a time in the future counts as recent.
    #[test]
    fn expiries_that_have_passed_or_are_too_far_ahead_are_rejected() {
        let (key, user) = (SecretKey::random(), user(7, "hash"));
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
            let token = TOKEN.token(&key, &user, until);
            assert_eq!(
                TOKEN.is_valid(&key, &user, &token, now),
                is_valid,
                "{until}"
            );
        }
    }
}
