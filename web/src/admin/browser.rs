//! Browsers that have logged in before keep an allowance of their own, so that nobody locks a colleague out.

use actix_web::HttpRequest;
use actix_web::cookie::Cookie;
use actix_web::cookie::time::Duration;
use subtle::ConstantTimeEq;

use super::csrf::{CookieRules, random};
use crate::config::SecretKey;

const COOKIE: &str = "known";

/// The id of this browser, if it has logged in with that username before.
pub(super) fn known(
    request: &HttpRequest,
    rules: CookieRules,
    key: &SecretKey,
    username: &str,
) -> Option<String> {
    let cookie = request.cookie(&rules.name(COOKIE))?;
    let (id, mark) = cookie.value().split_once('.')?;
    let expected = key.mark("browser", &[id, username]);
    let same: bool = expected.as_bytes().ct_eq(mark.as_bytes()).into();
    same.then(|| id.to_owned())
}

/// The cookie for a browser that has just logged in.
pub(super) fn remember(rules: CookieRules, key: &SecretKey, username: &str) -> Cookie<'static> {
    let id = random();
    let mark = key.mark("browser", &[&id, username]);
    let mut cookie = rules.cookie(COOKIE, format!("{id}.{mark}"));
    cookie.set_max_age(Duration::days(365));
    cookie
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    #[test]
    fn a_browser_is_known_for_the_name_that_it_logged_in_with() {
        let key = SecretKey::random();
        let rules = CookieRules { https: false };
        let request = TestRequest::get()
            .cookie(remember(rules, &key, "ada"))
            .to_http_request();

        assert!(known(&request, rules, &key, "ada").is_some());
        assert!(known(&request, rules, &key, "bob").is_none());
        assert!(known(&request, rules, &SecretKey::random(), "ada").is_none());
    }
}
