//! Responses that are ready obey the same rules as those that the application makes.

use anyhow::{Context, Result};

use crate::support::{TestSite, assert_header};

#[test]
fn stored_responses_pass_every_check() -> Result<()> {
    let settings = [
        ("PAGE_CACHE_SIZE", "16 MB"),
        ("TRUSTED_PROXIES", "127.0.0.1"),
    ];
    let site = TestSite::with(&settings)?;
    let page = site.get("/")?.text()?;
    let (_, rest) = page
        .split_once("\"/static/site.")
        .context("no style sheet")?;
    let css = format!(
        "/static/site.{}",
        rest.split('"').next().unwrap_or_default()
    );
    for path in ["/", &css, "/healthz"] {
        let is_health = path == "/healthz";
        let stored = site.get(path)?;
        assert_eq!(stored.status, 200, "{path}");
        let tag = stored.header("etag").unwrap_or_default();
        let long = format!("{path}?{}", "a".repeat(9000));
        for (method, target, headers, status) in [
            (
                "GET",
                path,
                vec![("Host", "evil.test")],
                if is_health { 200 } else { 400 },
            ),
            ("GET", &long, vec![], 414),
            (
                "GET",
                path,
                vec![("If-None-Match", tag)],
                if is_health { 200 } else { 304 },
            ),
            ("HEAD", path, vec![], 200),
            ("POST", path, vec![], 405),
        ] {
            let answer = site.send(method, target, &headers)?;
            assert_eq!(answer.status, status, "{method} {path} {headers:?}");
            assert_header(&answer, "x-content-type-options", "nosniff");
        }
        let headers = [("X-Request-Id", "own-1"), ("X-Forwarded-Proto", "https")];
        let answer = site.send("GET", path, &headers)?;
        assert_header(&answer, "x-request-id", "own-1");
        assert!(
            answer.header("strict-transport-security").is_some(),
            "{path}"
        );
        assert!(
            stored.header("strict-transport-security").is_none(),
            "{path}"
        );
    }
    Ok(())
}
