//! Allowed hosts.

use anyhow::Result;

use crate::support::{TestSite, assert_contains_none, pairs};

#[test]
fn an_unknown_host_is_rejected_and_not_repeated() -> Result<()> {
    let site = TestSite::with(&[("ALLOWED_HOSTS", "www.example.org,.example.net")])?;

    let hosts = "evil.test|www.example.org.evil.test|evil.test:80|localhost|127.0.0.1|example.org|\
            evil.test, www.example.org|www.example.org@evil.test|www.example.org/evil.test|\
            evil.test<script>|";
    for host in hosts.split('|') {
        for target in ["/", "/lettings", "/nowhere/", "/sitemap.xml"] {
            let response = site.send("GET", target, &[("Host", host)])?;

            assert_eq!(response.status, 400, "{host}{target}");
            assert_eq!(response.html()?.texts("h1"), ["Bad request"]);
            let all = format!("{:?}{}", response.headers(), response.text()?);
            assert_contains_none(&all, "evil | script>");
        }
    }
    Ok(())
}

#[test]
fn health_checks_answer_for_any_host() -> Result<()> {
    let site = TestSite::with(&[("ALLOWED_HOSTS", "www.example.org")])?;

    for target in ["/healthz", "/readyz"] {
        for host in ["10.0.0.7:8000", "evil.test", "www.example.org"] {
            assert_eq!(site.send("GET", target, &[("Host", host)])?.status, 200);
        }
    }
    Ok(())
}

#[test]
fn an_unknown_host_in_the_request_target_is_rejected() -> Result<()> {
    let site = TestSite::start()?;

    let targets = "http://evil.test/ http://evil.test/lettings http://evil.test:80/ \
        http://localhost@evil.test/ https://evil.test/";
    for target in targets.split(' ') {
        let response = site.get(target)?;

        assert_eq!(response.status, 400, "{target}");
        assert!(!response.text()?.contains("evil"), "{target}");
    }
    assert_eq!(site.get("http://localhost/lettings/")?.status, 200);
    let foreign = site.send("GET", "http://localhost/", &[("Host", "evil.test")])?;
    assert_eq!(foreign.status, 400);
    Ok(())
}

#[test]
fn x_forwarded_host_is_ignored() -> Result<()> {
    let site = TestSite::with(&[("TRUSTED_PROXIES", "127.0.0.1")])?;
    let forged =
        pairs("X-Forwarded-Host=evil.test&Forwarded=host=evil.test&X-Forwarded-Proto=javascript");

    for target in ["/", "/lettings", "/sitemap.xml", "/lettings/feed/"] {
        let response = site.send("GET", target, &forged)?;

        let all = format!("{:?}{}", response.headers(), response.text()?);
        assert_contains_none(&all, "evil | javascript");
    }
    Ok(())
}
