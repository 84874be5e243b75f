//! Environment variables of a deploy, checked before anything is requested. Errors don't show values: one may be a
//! secret in the wrong field.

use anyhow::{Context as _, Result, ensure};
use ureq::http::Uri;

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

/// Checks a URL, and returns its query.
pub(super) fn check_url<'a>(name: &str, url: &'a str) -> Result<Option<&'a str>> {
    let rest = url
        .strip_prefix("https://")
        .or_else(|| url.strip_prefix("http://"))
        .with_context(|| format!("{name} must be a URL: https://HOST, or http://HOST"))?;
    ensure!(
        !rest.contains('#'),
        "{name} must be a URL without a fragment (#…)"
    );
    let (place, query) = match rest.split_once('?') {
        Some((place, query)) => (place, Some(query)),
        None => (rest, None),
    };
    let host = place.split('/').next().unwrap_or_default();
    ensure!(
        !host.contains('@'),
        "{name} must be a URL without a login (NAME:PASSWORD@)"
    );
    let uri = url.parse::<Uri>().ok();
    ensure!(
        uri.is_some_and(|uri| uri.host().is_some_and(|host| !host.is_empty())),
        "{name} must be a URL, such as https://www.example.org: it has no host, or a character that is not allowed"
    );
    Ok(query)
}

/// A URL that paths are appended to.
pub(super) fn base_url<'a>(name: &str, url: &'a str) -> Result<&'a str> {
    ensure!(
        check_url(name, url)?.is_none(),
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
        for wrong in [
            "ftp://example.org",
            "bob:hunter2@example.org",
            "https:///path",
            "https://exa mple.org",
            "https://bob:hunter2@example.org",
            "https://example.org?key=hunter2",
            "https://example.org/#hunter2",
        ] {
            let error = base_url("APP_URL", wrong).unwrap_err().to_string();
            assert!(error.starts_with("APP_URL must be a URL"), "{error}");
            assert!(!error.contains("hunter2"), "{error}");
        }
    }
}
