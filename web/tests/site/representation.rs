//! Validators and compression of pages and assets.

use anyhow::Result;

use crate::assets::{assets_of_home, ending};
use crate::support::TestSite;

/// Every page that the page cache may keep.
fn cached_pages(site: &TestSite) -> Result<Vec<String>> {
    let others = ["/lettings/feed/", "/robots.txt", "/sitemap.xml"];
    Ok(others
        .map(str::to_owned)
        .into_iter()
        .chain(site.public_pages()?)
        .collect())
}

#[test]
fn pages_are_revalidated() -> Result<()> {
    let site = TestSite::with_letting_and_profile()?;

    for target in cached_pages(&site)? {
        let response = site.get(&target)?;

        assert!(response.header("etag").is_some(), "{target}");
        assert_eq!(response.header("cache-control"), Some("public, no-cache"));
        assert_eq!(response.header("vary"), Some("Accept-Encoding"), "{target}");
        assert!(response.header("set-cookie").is_none(), "{target}");
    }
    Ok(())
}

#[test]
fn a_current_copy_gets_304() -> Result<()> {
    let site = TestSite::with_letting_and_profile()?;

    let assets = assets_of_home(&site)?;
    for target in cached_pages(&site)?.into_iter().chain(assets) {
        let page = site.get(&target)?;
        let tag = page.header("etag").unwrap_or_default().to_owned();
        let strong = tag.trim_start_matches("W/").to_owned();
        let list = format!("\"a\", W/\"b,c\", {tag}");
        for known in [&*tag, &*strong, &*list, "*"] {
            for method in ["GET", "HEAD"] {
                let response = site.send(method, &target, &[("If-None-Match", known)])?;

                assert_eq!(response.status, 304, "{method} {target} {known}");
                assert!(response.body.is_empty());
                for name in ["etag", "cache-control", "vary"] {
                    assert_eq!(response.header(name), page.header(name), "{name} {target}");
                }
                assert_eq!(response.header("content-encoding"), None);
            }
        }
        let other = site.send("GET", &target, &[("If-None-Match", "\"other\"")])?;
        assert_eq!(other.status, 200, "{target}");
    }
    Ok(())
}

#[test]
fn errors_are_never_cached() -> Result<()> {
    let site = TestSite::with_letting_and_profile()?;

    for (method, target) in [("GET", "/nowhere/"), ("POST", "/"), ("GET", "/lettings/9/")] {
        let response = site.send(method, target, &[("If-None-Match", "*")])?;

        assert!(response.status >= 400, "{target}");
        assert_eq!(response.header("etag"), None, "{target}");
        assert_eq!(
            response.header("cache-control"),
            Some("no-store"),
            "{target}"
        );
    }
    Ok(())
}

#[test]
fn text_has_the_requested_encoding() -> Result<()> {
    let site = TestSite::with_letting_and_profile()?;

    let assets = assets_of_home(&site)?;
    let texts = assets.iter().filter(|asset| ending(asset) != "ico");
    let pages = cached_pages(&site)?;
    let pages = pages
        .iter()
        .map(String::as_str)
        .chain(["/nowhere/", "/healthz"]);
    for target in pages.chain(texts.map(String::as_str)) {
        let plain = site.get(target)?;
        for (accept, encoding) in [
            ("gzip, deflate, br, zstd", Some("br")),
            ("gzip", Some("gzip")),
            ("zstd", None),
        ] {
            let response = site.send("GET", target, &[("Accept-Encoding", accept)])?;

            assert_eq!(response.status, plain.status, "{target} {accept}");
            assert_eq!(
                response.header("content-encoding"),
                encoding,
                "{target} {accept}"
            );
            assert_eq!(response.header("vary"), Some("Accept-Encoding"), "{target}");
            assert_eq!(response.header("etag"), plain.header("etag"), "{target}");
            assert_eq!(response.text()?, plain.text()?, "{target} {accept}");
        }
    }
    Ok(())
}
