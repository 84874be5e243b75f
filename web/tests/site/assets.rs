//! Static assets, and the size of a first visit.

use anyhow::{Context, Result};

use crate::support::{TestSite, assert_header};

/// Every asset that the home page links.
pub(crate) fn assets_of_home(site: &TestSite) -> Result<Vec<String>> {
    let page = site.page("/")?;
    let mut found = Vec::new();
    for (element, attribute) in [("link", "href"), ("img", "src"), ("source", "srcset")] {
        let values = page.attributes(element, attribute).into_iter();
        found.extend(values.filter(|value| value.starts_with("/static/")));
    }
    found.sort();
    found.dedup();
    Ok(found)
}

/// The file extension.
pub(crate) fn ending(target: &str) -> &str {
    target.rsplit('.').next().unwrap_or_default()
}

#[test]
fn assets_have_hashed_names_and_never_change() -> Result<()> {
    let site = TestSite::start()?;

    let assets = assets_of_home(&site)?;

    assert!(assets.len() > 3, "{assets:?}");
    for target in assets {
        let response = site.get(&target)?;
        assert_eq!(response.status, 200, "{target}");
        assert_header(
            &response,
            "cache-control",
            "public, max-age=31536000, immutable",
        );
        let kind = match ending(&target) {
            "css" => "text/css; charset=utf-8",
            "svg" => "image/svg+xml",
            "ico" => "image/x-icon",
            other => panic!("an asset of a new kind: {other}"),
        };
        assert_eq!(response.header("content-type"), Some(kind), "{target}");
        assert!(!response.body.is_empty(), "{target}");
    }
    Ok(())
}

#[test]
fn unknown_asset_is_404() -> Result<()> {
    let site = TestSite::start()?;
    let sheet = assets_of_home(&site)?
        .into_iter()
        .find(|target| ending(target) == "css")
        .context("no style sheet")?;
    let hash = sheet.trim_start_matches("/static/site.");

    for target in [
        "/static/site.0123456789abcdef.css",
        "/static/site.css",
        "/static/.css",
        "/static/site",
        "/static/nothing.0123456789abcdef.css",
        "/static/..%2FCargo.toml",
        "/static/../Cargo.toml",
        "/static/%00",
        &format!("/static/Site.{hash}"),
        &format!("{sheet}/"),
        &format!("/static/..%2Fstatic%2Fsite.{hash}"),
    ] {
        assert_eq!(site.get(target)?.status, 404, "{target}");
    }
    Ok(())
}

#[test]
fn favicon_is_served() -> Result<()> {
    let site = TestSite::start()?;

    let icon = site.get("/favicon.ico")?;

    assert_eq!(icon.status, 200);
    assert_eq!(icon.header("content-type"), Some("image/x-icon"));
    assert!(icon.body.starts_with(&[0, 0, 1, 0]), "not an icon");
    assert_eq!(icon.header("cache-control"), Some("public, max-age=86400"));
    Ok(())
}

#[test]
fn a_first_visit_is_smaller_than_60_kilobytes() -> Result<()> {
    let site = TestSite::start()?;
    let conn = &mut site.database()?;
    lettings::demo::fill(conn, lettings::demo::LETTINGS, |_| {})?;
    let browser = [("Accept-Encoding", "gzip, deflate, br, zstd")];

    let mut bytes = site.send("GET", "/", &browser)?.body.len();
    for target in assets_of_home(&site)? {
        bytes += site.send("GET", &target, &browser)?.body.len();
    }

    assert!(bytes < 60_000, "{bytes} bytes");
    Ok(())
}
