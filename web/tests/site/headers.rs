//! Headers that every response has, and headers that none has.

use anyhow::Result;

use crate::http::Response;
use crate::support::{
    TestSite, assert_contains, assert_contains_none, assert_header, letting, pairs,
};

/// Headers of every response, whatever its status.
pub(crate) fn assert_security_headers(response: &Response, what: &str) {
    for (name, value) in [
        ("x-content-type-options", "nosniff"),
        ("x-frame-options", "DENY"),
        ("referrer-policy", "same-origin"),
        ("cross-origin-opener-policy", "same-origin"),
        ("cross-origin-resource-policy", "same-origin"),
    ] {
        assert_eq!(response.header(name), Some(value), "{name} of {what}");
    }
    let policy = response
        .header("content-security-policy")
        .unwrap_or_default();
    let parts = "default-src 'none'|connect-src 'self'|frame-ancestors 'none'|base-uri 'none'|\
            form-action 'self'";
    for part in parts.split('|') {
        assert!(
            policy.split(';').any(|known| known.trim() == part),
            "{part} of {what}"
        );
    }
    assert_contains_none(policy, "unsafe | http: | https: | data: | *");
    let permissions = response.header("permissions-policy").unwrap_or_default();
    assert_contains(permissions, "geolocation=()");
    for name in ["server", "x-powered-by", "via", "set-cookie"] {
        assert_eq!(response.header(name), None, "{name} of {what}");
    }
}

#[test]
fn every_response_has_security_headers() -> Result<()> {
    // Cached pages, assets and health checks are sent before the middleware.
    let site = TestSite::with(&[("PAGE_CACHE_SIZE", "16 MB")])?;
    letting(&mut site.database()?, "Lakeside flat")?;
    let home = site.get("/")?;
    let tag = home.header("etag").unwrap_or_default();
    let sheet = home
        .html()?
        .attribute_of("link", " rel=\"stylesheet\"", "href")
        .unwrap_or_default();
    let long = |path: &str| format!("{path}?{}", "a".repeat(9_000));

    for (status, method, target, headers) in [
        (200, "GET", "/", vec![]),
        (200, "GET", "/", vec![("Accept-Encoding", "br")]),
        (200, "HEAD", "/lettings/1/", vec![]),
        (200, "GET", &*sheet, vec![]),
        (200, "GET", "/favicon.ico", vec![]),
        (200, "GET", "/healthz", vec![]),
        (200, "GET", "/healthz", vec![("Host", "evil.test")]),
        (200, "GET", "/sitemap.xml", vec![]),
        (204, "OPTIONS", "/", vec![]),
        (301, "GET", "/lettings", vec![]),
        (304, "GET", "/", vec![("If-None-Match", tag)]),
        (304, "GET", &*sheet, vec![("If-None-Match", "*")]),
        (400, "GET", "/", vec![("Host", "evil.test")]),
        (400, "GET", &*sheet, vec![("Host", "evil.test")]),
        (404, "GET", "/nowhere/", vec![]),
        (404, "GET", "/static/site.0123456789abcdef.css", vec![]),
        (405, "POST", "/", vec![]),
        (405, "POST", &*sheet, vec![]),
        (405, "TRACE", "/", vec![]),
        (414, "GET", &*long("/"), vec![]),
        (414, "GET", &*long(&sheet), vec![]),
        (414, "GET", &*long("/healthz"), vec![]),
    ] {
        let response = site.send(method, target, &headers)?;

        assert_eq!(response.status, status, "{method} {target}");
        assert_security_headers(&response, &format!("{status} {method} {target}"));
    }
    Ok(())
}

#[test]
fn admin_pages_allow_scripts_and_plain_pages_do_not() -> Result<()> {
    let site = TestSite::start()?;
    let scripts = |target: &str| -> Result<Vec<String>> {
        let response = site.get(target)?;
        let policy = response
            .header("content-security-policy")
            .unwrap_or_default();
        let parts = policy.split(';').map(str::trim);
        let about = |part: &&str| part.starts_with("script-src");
        Ok(parts.filter(about).map(str::to_owned).collect())
    };

    for target in ["/admin/login/", "/admin/nothing/"] {
        assert_eq!(scripts(target)?, ["script-src 'self'"], "{target}");
    }
    for target in ["/", "/lettings/", "/nowhere/"] {
        assert_eq!(scripts(target)?, [""; 0], "{target}");
    }
    Ok(())
}

#[test]
fn hsts_is_sent_where_a_trusted_proxy_uses_https() -> Result<()> {
    let site = TestSite::with(&pairs(
        "TRUSTED_PROXIES=10.0.0.1,127.0.0.0/8&PAGE_CACHE_SIZE=16 MB",
    ))?;

    for target in ["/", "/nowhere/", "/lettings", "/healthz", "/favicon.ico"] {
        let headers = [("X-Forwarded-Proto", "https"), ("X-Request-Id", "own-1")];
        let response = site.send("GET", target, &headers)?;

        assert_eq!(response.header("x-request-id"), Some("own-1"), "{target}");
        let transport = response
            .header("strict-transport-security")
            .unwrap_or_default();
        assert!(transport.starts_with("max-age="), "{target}");
    }
    for proto in ["http", "", "httpss"] {
        let response = site.send("GET", "/", &[("X-Forwarded-Proto", proto)])?;
        assert_eq!(
            response.header("strict-transport-security"),
            None,
            "{proto}"
        );
    }
    assert_eq!(site.get("/")?.header("strict-transport-security"), None);
    let strict = TestSite::with(&pairs(
        "TRUSTED_PROXIES=127.0.0.0/8&HSTS_INCLUDE_SUBDOMAINS=true",
    ))?;
    assert_header(
        &strict.send("GET", "/", &[("X-Forwarded-Proto", "https")])?,
        "strict-transport-security",
        "max-age=31536000; includeSubDomains",
    );
    Ok(())
}

#[test]
fn public_pages_neither_set_nor_read_cookies() -> Result<()> {
    let site = TestSite::start()?;
    let plain = site.get("/lettings/")?;

    let response = site.send(
        "GET",
        "/lettings/",
        &[("Cookie", "sessionid=x; csrftoken=y")],
    )?;

    assert_eq!(response.headers(), plain.headers());
    assert_eq!(response.body, plain.body);
    Ok(())
}
