//! Device cookies (OWASP): known browsers have an allowance of attempts of their own, so that nobody can lock a colleague
//! out.
//!
//! The cookie has a random id and a signature for each username that logged in there. A signature is valid for one
//! browser and one username.

use actix_web::HttpRequest;
use actix_web::cookie::Cookie;
use actix_web::cookie::time::Duration;
use subtle::ConstantTimeEq;

use crate::auth::csrf::{CookieRules, random};
use crate::secret_key::SecretKey;

const COOKIE: &str = "known";
/// Length of the random id (hexadecimal digits).
const ID_LENGTH: usize = 32;

/// The most usernames per browser; the least recent login is dropped first.
const MOST: usize = 10;

/// The content of the cookie.
struct DeviceCookie {
    id: String,
    /// Signatures, most recent login first.
    marks: Vec<String>,
}

fn mark(key: &SecretKey, id: &str, username: &str) -> String {
    key.sign("browser", &[id, username])
}

fn is_same(mark: &str, expected: &str) -> bool {
    mark.as_bytes().ct_eq(expected.as_bytes()).into()
}

impl DeviceCookie {
    fn from_request(request: &HttpRequest, rules: CookieRules) -> Option<Self> {
        let cookie = request.cookie(&rules.name(COOKIE))?;
        let mut parts = cookie.value().split('.');
        let id = parts.next().filter(|id| id.len() == ID_LENGTH)?;
        let marks = parts.take(MOST).map(str::to_owned).collect();
        let is_ours = cookie
            .value()
            .bytes()
            .all(|byte| byte.is_ascii_hexdigit() || byte == b'.');
        is_ours.then(|| Self {
            id: id.to_owned(),
            marks,
        })
    }

    fn new() -> Self {
        Self {
            id: random(),
            marks: Vec::new(),
        }
    }

    fn has(&self, key: &SecretKey, username: &str) -> bool {
        let expected = mark(key, &self.id, username);
        self.marks.iter().any(|mark| is_same(mark, &expected))
    }
}

/// The id of this browser, if this username has logged in there.
pub(crate) fn device_id(
    request: &HttpRequest,
    rules: CookieRules,
    key: &SecretKey,
    username: &str,
) -> Option<String> {
    let device_id = DeviceCookie::from_request(request, rules)?;
    device_id.has(key, username).then_some(device_id.id)
}

/// The cookie after a login; other usernames stay known.
pub(crate) fn remember(
    request: &HttpRequest,
    rules: CookieRules,
    key: &SecretKey,
    username: &str,
) -> Cookie<'static> {
    let mut device_id =
        DeviceCookie::from_request(request, rules).unwrap_or_else(DeviceCookie::new);
    let own = mark(key, &device_id.id, username);
    device_id.marks.retain(|mark| !is_same(mark, &own));
    device_id.marks.insert(0, own);
    device_id.marks.truncate(MOST);
    let value = [vec![device_id.id], device_id.marks].concat().join(".");
    let mut cookie = rules.cookie(COOKIE, value);
    cookie.set_max_age(Duration::days(365));
    cookie
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    const RULES: CookieRules = CookieRules { https: false };

    /// A request of a browser after these logins.
    fn after(key: &SecretKey, usernames: &[&str]) -> HttpRequest {
        let mut request = TestRequest::get().to_http_request();
        for username in usernames {
            request = TestRequest::get()
                .cookie(remember(&request, RULES, key, username))
                .to_http_request();
        }
        request
    }

    #[test]
    fn a_browser_is_known_for_every_name_that_it_logged_in_with() {
        let key = SecretKey::random();
        let id = |request: &HttpRequest, username| device_id(request, RULES, &key, username);

        let request = after(&key, &["ada", "bob", "ada"]);

        assert!(id(&request, "ada").is_some());
        assert_eq!(id(&request, "ada"), id(&request, "bob"));
        assert!(id(&request, "carol").is_none());
        assert!(device_id(&request, RULES, &SecretKey::random(), "ada").is_none());
    }

    #[test]
    fn a_mark_counts_on_its_own_browser_alone() {
        let key = SecretKey::random();
        let value = |request: &HttpRequest| request.cookie(COOKIE).unwrap().value().to_owned();
        let (ada, eve) = (value(&after(&key, &["ada"])), value(&after(&key, &["eve"])));
        let (id, mark) = (
            eve.split_once('.').unwrap().0,
            ada.split_once('.').unwrap().1,
        );

        let stolen = TestRequest::get()
            .cookie(Cookie::new(COOKIE, format!("{id}.{mark}")))
            .to_http_request();

        assert!(device_id(&stolen, RULES, &key, "ada").is_none());
    }

    #[test]
    fn ten_people_are_known_and_a_cookie_that_is_none_of_ours_begins_anew() {
        let key = SecretKey::random();
        let names: Vec<String> = (0..11).map(|number| format!("name{number}")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();

        let request = after(&key, &names);

        assert!(device_id(&request, RULES, &key, "name0").is_none());
        assert!(device_id(&request, RULES, &key, "name1").is_some());
        for value in ["", "x", "../..", &format!("{}.\u{e4}", "0".repeat(32))] {
            let odd = TestRequest::get()
                .cookie(Cookie::new(COOKIE, value.to_owned()))
                .to_http_request();
            let cookie = remember(&odd, RULES, &key, "ada");
            assert_eq!(cookie.value().split('.').count(), 2, "{value}");
        }
    }
}
