//! Pending login: a cookie that names the user whose password was right, for ten minutes.
//!
//! It is valid for the code page only. The session starts after the code.

use accounts::{SecondFactor, User};
use actix_web::HttpRequest;
use actix_web::cookie::Cookie;
use actix_web::cookie::time::Duration;
use chrono::{DateTime, Utc};
use oc_http::PageError;

use crate::auth::csrf::CookieRules;
use crate::auth::request::AdminRequest;
use crate::auth::user_token::UserToken;
use crate::secret_key::SecretKey;

const COOKIE: &str = "second_step";
/// Minutes to enter the code.
const MINUTES: i64 = 10;

const TOKEN: UserToken = UserToken {
    purpose: "second step",
    lifetime: chrono::Duration::minutes(MINUTES),
    facts: |_| Vec::new(),
};

pub(crate) fn cookie(
    rules: CookieRules,
    key: &SecretKey,
    user: &User,
    now: DateTime<Utc>,
) -> Cookie<'static> {
    let token = TOKEN.issue(key, user, now);
    let mut cookie = rules.cookie(COOKIE, format!("{}.{token}", user.id));
    cookie.set_max_age(Duration::minutes(MINUTES));
    cookie
}

pub(crate) fn removal(rules: CookieRules) -> Cookie<'static> {
    let mut cookie = rules.cookie(COOKIE, String::new());
    cookie.make_removal();
    cookie
}

/// The user whose password was right on this browser in the last minutes.
pub(super) async fn user(request: &AdminRequest) -> Result<Option<User>, PageError> {
    let Some((id, token)) = from_request(&request.http, request.cookies) else {
        return Ok(None);
    };
    let Some(user) = TOKEN.find_user(request, &id, &token).await? else {
        return Ok(None);
    };
    let id = user.id;
    let factor = request.read(move |conn| SecondFactor::find(conn, id));
    Ok(factor.await?.map(|_| user))
}

/// The user's id and the token in the request's cookie, not yet verified.
fn from_request(request: &HttpRequest, rules: CookieRules) -> Option<(String, String)> {
    let cookie = request.cookie(&rules.name(COOKIE))?;
    let (id, token) = cookie.value().split_once('.')?;
    Some((id.to_owned(), token.to_owned()))
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;
    use proptest::prelude::*;

    use super::*;
    use crate::auth::csrf::Csrf;
    use crate::auth::user_token::tests::user;

    const RULES: CookieRules = CookieRules { https: false };

    #[test]
    fn a_correct_password_is_valid_for_ten_minutes() {
        let (key, user) = (SecretKey::random(), user(7, "hash"));
        let at = |seconds| DateTime::from_timestamp(seconds, 0).unwrap();
        let request = TestRequest::get()
            .cookie(cookie(RULES, &key, &user, at(0)))
            .to_http_request();

        let (id, token) = from_request(&request, RULES).unwrap();

        assert_eq!(id, "7");
        assert!(TOKEN.is_valid(&key, &user, &token, at(599)));
        assert!(!TOKEN.is_valid(&key, &user, &token, at(600)));
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn no_cookie_header_makes_the_parser_panic_or_is_accepted(
            cookies in "((second_step|csrf|session)=)?[-0-9.a-f;=%\" ]{0,80}(\\PC{0,20}(; )?csrf=[0-9a-g]{31,33})?",
        ) {
            let (key, user, now) = (SecretKey::random(), user(7, "hash"), DateTime::UNIX_EPOCH);
            let request = TestRequest::get().append_header(("cookie", cookies.as_bytes())).to_http_request();
            let pending = from_request(&request, RULES);
            prop_assert!(pending.is_none_or(|(_, token)| !TOKEN.is_valid(&key, &user, &token, now)));
            prop_assert_eq!(Csrf::from_request(&request, RULES).token(&key, 7).len(), 64);
        }
    }
}
