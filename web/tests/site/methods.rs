//! HEAD, OPTIONS, and methods that are not allowed.

use anyhow::Result;

use crate::support::{TestSite, assert_header};

/// Read-only paths besides public pages.
const OTHERS: &str =
    "/lettings/?q=flat /lettings/feed/ /robots.txt /sitemap.xml /favicon.ico /healthz /readyz";

#[test]
fn head_has_the_headers_of_get_and_no_body() -> Result<()> {
    let site = TestSite::with_letting_and_profile()?;
    let sheet = site
        .page("/")?
        .attribute_of("link", " rel=\"stylesheet\"", "href")
        .unwrap_or_default();
    let errors = "/nowhere/ /lettings/abc/ /lettings /lettings/?page=9";

    let others = format!("{OTHERS} {errors} {sheet}");
    let pages = site.public_pages()?;
    for target in pages.iter().map(String::as_str).chain(others.split(' ')) {
        for encoding in ["identity", "gzip", "br"] {
            let accept = [("Accept-Encoding", encoding)];
            let get = site.send("GET", target, &accept)?;
            let head = site.send("HEAD", target, &accept)?;

            assert_eq!(head.status, get.status, "{target}");
            assert_eq!(head.headers(), get.headers(), "{target}");
            assert_header(&head, "content-length", &get.body.len().to_string());
        }
    }
    Ok(())
}

#[test]
fn responses_to_head_have_no_body() -> Result<()> {
    let site = TestSite::with_letting_and_profile()?;

    for target in ["/", "/nowhere/", "/lettings", "/favicon.ico"] {
        let mut connection = crate::http::Connection::open(site.address())?;
        connection.write(&crate::http::request("HEAD", target, &[]))?;

        let head = connection.response(false)?;

        assert!(head.header("content-length").is_some(), "{target}");
        assert_eq!(connection.finish()?, b"", "{target}");
    }
    Ok(())
}

#[test]
fn options_lists_the_methods_and_others_are_405() -> Result<()> {
    let site = TestSite::with_letting_and_profile()?;

    let pages = site.public_pages()?;
    for target in pages.iter().map(String::as_str).chain(OTHERS.split(' ')) {
        for method in ["POST", "PUT", "PATCH", "DELETE", "TRACE", "PURGE"] {
            let response = site.send(method, target, &[])?;

            assert_eq!(response.status, 405, "{method} {target}");
            assert_eq!(response.header("allow"), Some("GET, HEAD, OPTIONS"));
            assert_eq!(response.html()?.texts("h1"), ["Method not allowed"]);
        }
        let options = site.send("OPTIONS", target, &[])?;
        assert_eq!(options.status, 204, "{target}");
        assert_header(&options, "allow", "GET, HEAD, OPTIONS");
    }
    Ok(())
}

#[test]
fn unknown_path_is_404_for_every_method() -> Result<()> {
    let site = TestSite::start()?;

    for method in ["POST", "DELETE", "OPTIONS", "TRACE", "PURGE"] {
        assert_eq!(site.send(method, "/nowhere/", &[])?.status, 404, "{method}");
    }
    Ok(())
}
