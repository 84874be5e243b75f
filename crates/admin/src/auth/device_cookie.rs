//! Device cookies (OWASP): the browsers that a user logged in with have an allowance of attempts of their own, so that
//! nobody can lock a colleague out.
//!
//! The cookie has a random id and a signature for each user who logged in there. A signature is valid for one browser and
//! one user, until the password or the second factor changes.

use accounts::{SecondFactor, User};
use actix_web::cookie::Cookie;
use actix_web::cookie::time::Duration;
use actix_web::{HttpRequest, HttpResponse};
use oc_http::PageResult;
use subtle::ConstantTimeEq;

use crate::auth::csrf::{CookieRules, random, with_cookie};
use crate::auth::request::AdminRequest;
use crate::secret_key::SecretKey;

const COOKIE: &str = "known";
/// Length of the random id (hexadecimal digits).
const ID_LENGTH: usize = 32;

/// The most users per browser; the least recent login is dropped first.
const MOST: usize = 10;

/// A user with their second factor, if they use one.
pub(crate) type Account = (User, Option<SecondFactor>);

/// A browser's device cookie: a random id, and signatures of users, most recent login first.
pub(super) struct DeviceCookie {
    id: String,
    marks: Vec<String>,
}

fn mark(key: &SecretKey, id: &str, (user, factor): &Account) -> String {
    let secret = factor.as_ref().map_or("", |factor| &factor.secret);
    key.sign(
        "browser",
        &[id, &user.id.to_string(), &user.password, secret],
    )
}

fn is_same(mark: &str, expected: &str) -> bool {
    mark.as_bytes().ct_eq(expected.as_bytes()).into()
}

impl DeviceCookie {
    /// The cookie of this browser, or a new one.
    pub(super) fn from_request(request: &HttpRequest, rules: CookieRules) -> Self {
        let cookie = request.cookie(&rules.name(COOKIE));
        let known = cookie.and_then(|cookie| Self::parse(cookie.value()));
        known.unwrap_or_else(|| Self {
            id: random(),
            marks: Vec::new(),
        })
    }

    fn parse(value: &str) -> Option<Self> {
        let mut parts = value.split('.').map(str::to_owned);
        let id = parts.next().filter(|id| id.len() == ID_LENGTH)?;
        let marks = parts.take(MOST).collect();
        let is_ours = |byte: u8| byte.is_ascii_hexdigit() || byte == b'.';
        value.bytes().all(is_ours).then_some(Self { id, marks })
    }

    /// Whether the account's user has logged in with this browser.
    pub(super) fn has(&self, key: &SecretKey, account: &Account) -> bool {
        let expected = mark(key, &self.id, account);
        self.marks.iter().any(|mark| is_same(mark, &expected))
    }

    /// The cookie with this user; other users stay known.
    fn into_cookie_for(
        mut self,
        rules: CookieRules,
        key: &SecretKey,
        account: &Account,
    ) -> Cookie<'static> {
        let own = mark(key, &self.id, account);
        self.marks.retain(|mark| !is_same(mark, &own));
        self.marks.insert(0, own);
        self.marks.truncate(MOST);
        let value = [vec![self.id], self.marks].concat().join(".");
        let mut cookie = rules.cookie(COOKIE, value);
        cookie.set_max_age(Duration::days(365));
        cookie
    }
}

/// The response with the cookie after a login, or after the password or the second factor changed.
pub(super) fn set_device_cookie(
    response: HttpResponse,
    request: &AdminRequest,
    account: &Account,
) -> PageResult {
    let device = DeviceCookie::from_request(&request.http, request.cookies);
    with_cookie(
        response,
        &device.into_cookie_for(request.cookies, request.key(), account),
    )
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;
    use proptest::prelude::*;

    use super::*;
    use crate::auth::user_token;

    const RULES: CookieRules = CookieRules { https: false };

    fn account(id: i64, password: &str, secret: Option<&str>) -> Account {
        let factor = secret.map(|secret| SecondFactor {
            user_id: id,
            secret: secret.to_owned(),
            created_at: chrono::DateTime::UNIX_EPOCH.naive_utc(),
        });
        (user_token::tests::user(id, password), factor)
    }

    fn user(id: i64) -> Account {
        account(id, "hash", None)
    }

    fn is_known(request: &HttpRequest, key: &SecretKey, account: &Account) -> bool {
        DeviceCookie::from_request(request, RULES).has(key, account)
    }

    /// A request of a browser after these logins.
    fn after(key: &SecretKey, accounts: &[Account]) -> HttpRequest {
        let mut request = TestRequest::get().to_http_request();
        for account in accounts {
            request = TestRequest::get()
                .cookie(
                    DeviceCookie::from_request(&request, RULES)
                        .into_cookie_for(RULES, key, account),
                )
                .to_http_request();
        }
        request
    }

    #[test]
    fn a_device_is_known_until_password_or_second_factor_change() {
        let key = SecretKey::random();

        let request = after(
            &key,
            &[user(1), account(2, "hash", Some("secret")), user(1)],
        );

        for (account, is_expected) in [
            (user(1), true),
            (account(2, "hash", Some("secret")), true),
            (user(3), false),
            (account(1, "another", None), false),
            (account(1, "hash", Some("secret")), false),
            (user(2), false),
            (account(2, "hash", Some("another")), false),
        ] {
            assert_eq!(is_known(&request, &key, &account), is_expected);
        }
        assert!(!is_known(&request, &SecretKey::random(), &user(1)));
    }

    #[test]
    fn a_device_token_is_valid_on_its_own_device_only() {
        let key = SecretKey::random();
        let value = |request: &HttpRequest| request.cookie(COOKIE).unwrap().value().to_owned();
        let (ada, eve) = (
            value(&after(&key, &[user(1)])),
            value(&after(&key, &[user(2)])),
        );
        let (id, mark) = (
            eve.split_once('.').unwrap().0,
            ada.split_once('.').unwrap().1,
        );

        let stolen = TestRequest::get()
            .cookie(Cookie::new(COOKIE, format!("{id}.{mark}")))
            .to_http_request();

        assert!(!is_known(&stolen, &key, &user(1)));
    }

    #[test]
    fn ten_people_are_known_and_an_invalid_cookie_is_replaced() {
        let key = SecretKey::random();
        let users: Vec<Account> = (0..11).map(user).collect();

        let request = after(&key, &users);

        assert!(!is_known(&request, &key, &users[0]));
        assert!(is_known(&request, &key, &users[1]));
        for value in ["", "x", "../..", &format!("{}.\u{e4}", "0".repeat(32))] {
            let odd = TestRequest::get()
                .cookie(Cookie::new(COOKIE, value.to_owned()))
                .to_http_request();
            let cookie =
                DeviceCookie::from_request(&odd, RULES).into_cookie_for(RULES, &key, &user(1));
            assert_eq!(cookie.value().split('.').count(), 2, "{value}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn no_cookie_makes_the_parser_panic_or_is_accepted(value in "[0-9a-f]{32}[.0-9a-fx]{0,600}|\\PC{0,80}") {
            let key = SecretKey::random();
            let request = TestRequest::get().cookie(Cookie::new(COOKIE, value)).to_http_request();
            prop_assert!(!is_known(&request, &key, &user(1)));
            let cookie = DeviceCookie::from_request(&request, RULES).into_cookie_for(RULES, &key, &user(1));
            prop_assert!(cookie.value().split('.').count() <= MOST + 1);
        }
    }
}
