//! CSRF protection: a token in each form that matches a cookie, and the headers with a request's origin.

use actix_web::cookie::{Cookie, SameSite};
use actix_web::http::header;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use oc_http::{PageError, PageResult, Site};
use subtle::ConstantTimeEq;

use crate::secret_key::SecretKey;

pub(crate) const FIELD: &str = "csrfmiddlewaretoken";

/// Names and attributes of cookies: over https they are bound to the host.
#[derive(Debug, Clone, Copy)]
pub struct CookieRules {
    /// Whether the request came over https.
    pub https: bool,
}

impl CookieRules {
    /// The name of a cookie over this scheme.
    pub(crate) fn name(self, name: &str) -> String {
        if self.https {
            format!("__Host-{name}")
        } else {
            name.to_owned()
        }
    }

    /// A cookie that scripts cannot read and other sites cannot send with a form.
    pub(crate) fn cookie(self, name: &str, value: String) -> Cookie<'static> {
        Cookie::build(self.name(name), value)
            .path("/")
            .http_only(true)
            .same_site(SameSite::Lax)
            .secure(self.https)
            .finish()
    }
}

pub(super) fn with_cookie(mut response: HttpResponse, cookie: &Cookie<'_>) -> PageResult {
    response
        .add_cookie(cookie)
        .map_err(|error| PageError::Internal(error.into()))?;
    Ok(response)
}

/// The secret that tokens are derived from, in the browser's cookie.
pub(crate) struct Csrf {
    seed: String,
    is_new: bool,
}

impl Csrf {
    const COOKIE: &'static str = "csrf";

    /// Whether the browser has been shown a form.
    pub(crate) fn is_known(request: &HttpRequest, rules: CookieRules) -> bool {
        request.cookie(&rules.name(Self::COOKIE)).is_some()
    }

    pub(crate) fn from_request(request: &HttpRequest, rules: CookieRules) -> Self {
        let known = request.cookie(&rules.name(Self::COOKIE));
        let known = known.map(|cookie| cookie.value().to_owned());
        let is_valid =
            |seed: &String| seed.len() == 32 && seed.bytes().all(|byte| byte.is_ascii_hexdigit());
        let known = known.filter(is_valid);
        Self {
            is_new: known.is_none(),
            seed: known.unwrap_or_else(random),
        }
    }

    /// The token for a form of a user (0: nobody is logged in).
    pub(crate) fn token(&self, key: &SecretKey, user_id: i64) -> String {
        key.sign("form", &[&self.seed, &user_id.to_string()])
    }

    pub(crate) fn cookie(&self, rules: CookieRules) -> Option<Cookie<'static>> {
        self.is_new
            .then(|| rules.cookie(Self::COOKIE, self.seed.clone()))
    }

    /// Checks that a form has the token of this cookie and user, and comes from a page of this site. An error is the
    /// reason, with the setting that fixes it.
    pub(crate) fn check(
        &self,
        key: &SecretKey,
        user_id: i64,
        token: &str,
        request: &HttpRequest,
    ) -> Result<(), String> {
        if self.is_new {
            return Err("the request has no CSRF cookie (does a proxy remove cookies?)".to_owned());
        }
        let expected = self.token(key, user_id);
        if !bool::from(expected.as_bytes().ct_eq(token.as_bytes())) {
            return Err(
                "its CSRF token is not valid for this session (is SECRET_KEY the same for every process?)"
                    .to_owned(),
            );
        }
        check_origin(request)
    }
}

/// 32 random hexadecimal digits.
pub(crate) fn random() -> String {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).expect("the system has a source of random bytes");
    hex::encode(bytes)
}

/// Checks the headers in which a browser sends the origin of a request (OWASP: fetch metadata). Old browsers send none.
fn check_origin(request: &HttpRequest) -> Result<(), String> {
    let header = |name: &str| {
        let value = request.headers().get(name)?;
        Some(value.to_str().unwrap_or("?"))
    };
    if let Some(site) = header("sec-fetch-site") {
        return if matches!(site, "same-origin" | "none") {
            Ok(())
        } else {
            Err(format!("Sec-Fetch-Site is {site:?}"))
        };
    }
    let Some(origin) = header(header::ORIGIN.as_str()) else {
        return Ok(());
    };
    let host = header(header::HOST.as_str()).unwrap_or_default();
    let site = request.app_data::<Data<Site>>();
    if site.is_some_and(|site| site.is_own_origin(origin, host)) {
        Ok(())
    } else if origin == "null" {
        let reason =
            r#"Origin is "null"; check whether a proxy sets "Referrer-Policy: no-referrer""#;
        Err(reason.to_owned())
    } else {
        Err(format!(
            "Origin {origin:?} is neither PUBLIC_URL nor the Host {host:?} (set PUBLIC_URL, or let the proxy keep the Host \
             header)"
        ))
    }
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
            .app_data(Data::new(Site::default()))
            .cookie(Cookie::new("csrf", SEED))
            .insert_header(("host", "example.org"));
        for header in headers {
            request = request.insert_header(*header);
        }
        let request = request.to_http_request();
        let csrf = Csrf::from_request(&request, RULES);
        let token = csrf.token(&key(), 7);
        csrf.check(&key(), user_id, &token, &request).is_ok()
    }

    #[test]
    fn a_token_is_valid_for_its_user_and_origin() {
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
    fn without_a_cookie_no_token_is_valid() {
        let request = TestRequest::post().to_http_request();
        let csrf = Csrf::from_request(&request, RULES);
        let token = csrf.token(&key(), 0);

        assert!(csrf.check(&key(), 0, &token, &request).is_err());
        assert!(
            csrf.cookie(RULES)
                .is_some_and(|cookie| cookie.http_only() == Some(true))
        );
    }

    #[test]
    fn https_cookies_have_the_host_prefix() {
        let cookie = CookieRules { https: true }.cookie("session", "x".to_owned());

        assert_eq!(cookie.name(), "__Host-session");
        assert_eq!(cookie.secure(), Some(true));
    }
}
