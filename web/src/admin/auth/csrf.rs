//! Forms count only when they come from our own pages: a token in the form that fits a cookie, and the headers by
//! which browsers tell where a request comes from.

use actix_web::HttpRequest;
use actix_web::cookie::{Cookie, SameSite};
use actix_web::http::header;
use subtle::ConstantTimeEq;

use crate::secret_key::SecretKey;

/// The name of the field.
pub(crate) const FIELD: &str = "csrfmiddlewaretoken";

/// How cookies are named and sent: over https they are bound to this very host.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CookieRules {
    pub(crate) https: bool,
}

impl CookieRules {
    /// The name that a cookie has here.
    pub(crate) fn name(self, name: &str) -> String {
        if self.https {
            format!("__Host-{name}")
        } else {
            name.to_owned()
        }
    }

    /// A cookie that no script reads and no other site sends along with a form.
    pub(crate) fn cookie(self, name: &str, value: String) -> Cookie<'static> {
        Cookie::build(self.name(name), value)
            .path("/")
            .http_only(true)
            .same_site(SameSite::Lax)
            .secure(self.https)
            .finish()
    }
}

/// The secret half of the token, in the visitor's cookie.
pub(crate) struct Csrf {
    seed: String,
    is_new: bool,
}

impl Csrf {
    const COOKIE: &'static str = "csrf";

    /// Whether the request comes from a browser that was shown a form.
    pub(crate) fn is_known(request: &HttpRequest) -> bool {
        let rules = request.app_data::<CookieRules>();
        rules.is_some_and(|rules| request.cookie(&rules.name(Self::COOKIE)).is_some())
    }

    /// The seed in the request's cookie, or a new one.
    pub(crate) fn of(request: &HttpRequest, rules: CookieRules) -> Self {
        let known = request
            .cookie(&rules.name(Self::COOKIE))
            .map(|cookie| cookie.value().to_owned());
        match known
            .filter(|seed| seed.len() == 32 && seed.bytes().all(|byte| byte.is_ascii_hexdigit()))
        {
            Some(seed) => Self {
                seed,
                is_new: false,
            },
            None => Self {
                seed: random(),
                is_new: true,
            },
        }
    }

    /// The token for a form of this user's (0: nobody is logged in).
    pub(crate) fn token(&self, key: &SecretKey, user_id: i64) -> String {
        key.sign("form", &[&self.seed, &user_id.to_string()])
    }

    /// The cookie to set, if the visitor has none yet.
    pub(crate) fn cookie(&self, rules: CookieRules) -> Option<Cookie<'static>> {
        self.is_new
            .then(|| rules.cookie(Self::COOKIE, self.seed.clone()))
    }

    /// Whether a form may be taken: its token fits the cookie, and it comes from one of our pages.
    pub(crate) fn accepts(
        &self,
        key: &SecretKey,
        user_id: i64,
        token: &str,
        request: &HttpRequest,
    ) -> bool {
        let expected = self.token(key, user_id);
        let same: bool = expected.as_bytes().ct_eq(token.as_bytes()).into();
        same && !self.is_new && comes_from_us(request)
    }
}

/// 32 random hexadecimal digits.
pub(crate) fn random() -> String {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).expect("the system has a source of random bytes");
    hex::encode(bytes)
}

/// What the browser says of where the request comes from; an old browser says nothing, and is believed.
fn comes_from_us(request: &HttpRequest) -> bool {
    let header = |name: &str| {
        request
            .headers()
            .get(name)
            .map(|value| value.to_str().unwrap_or("?"))
    };
    if let Some(site) = header("sec-fetch-site") {
        return matches!(site, "same-origin" | "none");
    }
    let Some(origin) = header(header::ORIGIN.as_str()) else {
        return true;
    };
    let host = header(header::HOST.as_str()).unwrap_or_default();
    origin
        .split_once("://")
        .is_some_and(|(_, from)| from.eq_ignore_ascii_case(host))
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    fn key() -> SecretKey {
        SecretKey::new("0123456789abcdef0123456789abcdef".to_owned()).unwrap()
    }

    const RULES: CookieRules = CookieRules { https: false };
    const SEED: &str = "0123456789abcdef0123456789abcdef";

    fn accepted(user_id: i64, headers: &[(&str, &str)]) -> bool {
        let mut request = TestRequest::post()
            .cookie(Cookie::new("csrf", SEED))
            .insert_header(("host", "example.org"));
        for header in headers {
            request = request.insert_header(*header);
        }
        let request = request.to_http_request();
        let csrf = Csrf::of(&request, RULES);
        let token = csrf.token(&key(), 7);
        csrf.accepts(&key(), user_id, &token, &request)
    }

    #[test]
    fn a_token_counts_for_its_user_and_from_our_own_pages() {
        assert!(accepted(7, &[]));
        assert!(!accepted(8, &[]));
        assert!(accepted(7, &[("sec-fetch-site", "same-origin")]));
        assert!(!accepted(7, &[("sec-fetch-site", "cross-site")]));
        assert!(!accepted(7, &[("sec-fetch-site", "same-site")]));
        assert!(accepted(7, &[("origin", "https://example.org")]));
        assert!(!accepted(7, &[("origin", "https://evil.example")]));
        assert!(!accepted(7, &[("origin", "null")]));
    }

    #[test]
    fn without_a_cookie_no_token_counts() {
        let request = TestRequest::post().to_http_request();
        let csrf = Csrf::of(&request, RULES);
        let token = csrf.token(&key(), 0);

        assert!(!csrf.accepts(&key(), 0, &token, &request));
        assert!(
            csrf.cookie(RULES)
                .is_some_and(|cookie| cookie.http_only() == Some(true))
        );
    }

    #[test]
    fn over_https_cookies_belong_to_this_host_alone() {
        let cookie = CookieRules { https: true }.cookie("session", "x".to_owned());

        assert_eq!(cookie.name(), "__Host-session");
        assert_eq!(cookie.secure(), Some(true));
    }
}
