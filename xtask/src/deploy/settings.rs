//! Environment variables of a deploy, checked before anything is requested. Errors don't show values: one may be a
//! secret in the wrong field.

use anyhow::{Context as _, Result, ensure};
use ureq::http::Uri;
use ureq::http::uri::Authority;

use crate::context::Context;

/// A variable that must be set.
pub(super) fn required(context: &Context, name: &str) -> Result<String> {
    context.variable(name).with_context(|| missing(name))
}

/// A variable that must be set, and becomes part of a header.
pub(super) fn token(context: &Context, name: &str) -> Result<String> {
    context.token(name)?.with_context(|| missing(name))
}

fn missing(name: &str) -> String {
    format!("{name} is not set; see docs/delivery.md")
}

/// Checks a URL.
pub(super) fn check_url(name: &str, url: &str) -> Result<Uri> {
    let uri = url.parse().ok().filter(|uri: &Uri| {
        let authority = uri.authority().map_or("", Authority::as_str);
        matches!(uri.scheme_str(), Some("http" | "https"))
            && !authority.is_empty()
            && !authority.contains('@')
            // The parser drops fragments.
            && !url.contains('#')
    });
    uri.with_context(|| {
        format!("{name} must be a URL such as https://www.example.org, without login or fragment")
    })
}

/// A URL that paths are appended to.
pub(super) fn base_url<'a>(name: &str, url: &'a str) -> Result<&'a str> {
    ensure!(
        check_url(name, url)?.query().is_none(),
        "{name} must be a URL without a query (?…)"
    );
    Ok(url.trim_end_matches('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_base_url_has_nothing_but_host_and_path() {
        for url in [
            "https://www.example.org",
            "http://[::1]:8000",
            "https://example.org/under/@ada",
        ] {
            assert_eq!(base_url("APP_URL", &format!("{url}/")).ok(), Some(url));
        }
        let urls = "ftp://example.org|bob:hunter2@example.org|https:///path|https://exa mple.org|\
                https://bob:hunter2@example.org|https://example.org?key=hunter2|\
                https://example.org/#hunter2";
        for wrong in urls.split('|') {
            let error = base_url("APP_URL", wrong).unwrap_err().to_string();
            assert!(error.starts_with("APP_URL must be a URL"), "{error}");
            assert!(!error.contains("hunter2"), "{error}");
        }
    }
}
