//! Sitemap, robots.txt, structured data, link previews.

use anyhow::{Context, Result};
use lettings::AddressDraft;
use serde_json::Value;

use crate::support::{
    TestSite, address, assert_contains, assert_header, letting, letting_at, profile,
};

#[test]
fn robots_txt_links_the_sitemap() -> Result<()> {
    let site = TestSite::start()?;

    let robots = site.get("/robots.txt")?;

    assert_eq!(robots.status, 200);
    assert_header(&robots, "content-type", "text/plain; charset=utf-8");
    let text = robots.text()?;
    assert!(text.lines().any(|line| line == "User-agent: *"));
    let map = "Sitemap: https://homes.example/sitemap.xml";
    assert!(text.lines().any(|line| line == map), "{text}");
    Ok(())
}

#[test]
fn sitemap_lists_every_page_under_public_url() -> Result<()> {
    for site in TestSite::on_each()? {
        let conn = &mut site.database()?;
        letting(conn, "Lakeside flat")?;
        letting(conn, "Pier House")?;
        profile(conn, "a+b")?;
        profile(conn, "Жанна")?;

        let map = site.send("GET", "/sitemap.xml", &[("Host", "127.0.0.1:8000")])?;

        assert_header(&map, "content-type", "application/xml; charset=utf-8");
        assert_eq!(
            map.xml_texts("loc")?,
            [
                "",
                "lettings/",
                "profiles/",
                "lettings/1/",
                "lettings/2/",
                "profiles/a+b/",
                "profiles/%D0%96%D0%B0%D0%BD%D0%BD%D0%B0/",
            ]
            .map(|path| format!("https://homes.example/{path}"))
        );
        assert_eq!(map.xml_texts("lastmod")?.len(), 2);
    }
    Ok(())
}

#[test]
fn a_large_sitemap_is_split() -> Result<()> {
    let site = TestSite::start()?;
    let conn = &mut site.database()?;
    lettings::demo::fill(conn, 50_001, |_| {})?;
    profile(conn, "AirWow")?;

    let index = site.get("/sitemap.xml")?;
    let files = index.xml_texts("loc")?;

    assert_eq!(
        files,
        ["pages-1", "lettings-1", "lettings-2", "profiles-1"]
            .map(|part| format!("https://homes.example/sitemap-{part}.xml"))
    );
    let counts: Vec<usize> = files
        .iter()
        .map(|file| {
            let target = file.trim_start_matches("https://homes.example");
            Ok(site.get(target)?.xml_texts("loc")?.len())
        })
        .collect::<Result<_>>()?;
    assert_eq!(counts, [3, 50_000, 1, 1]);
    Ok(())
}

#[test]
fn sitemap_part_beyond_the_last_is_404() -> Result<()> {
    let site = TestSite::start()?;

    for part in ["pages-1", "lettings-1", "profiles-1"] {
        let response = site.get(&format!("/sitemap-{part}.xml"))?;
        assert_eq!(response.status, 200, "{part}");
    }
    let parts = "pages-2 pages-0 lettings-2 lettings-0 profiles-2 profiles-4294967295 \
        profiles-4294967296 users-1 lettings--1";
    for part in parts.split(' ') {
        let response = site.get(&format!("/sitemap-{part}.xml"))?;
        assert_eq!(response.status, 404, "{part}");
    }
    Ok(())
}

#[test]
fn every_page_has_title_description_and_canonical_url() -> Result<()> {
    let site = TestSite::start()?;
    let conn = &mut site.database()?;
    letting(conn, "Lakeside flat")?;
    profile(conn, "AirWow")?;

    let search = "/lettings/?city=Dana+Point".to_owned();
    for target in site.public_pages()?.into_iter().chain([search]) {
        let page = site.page(&target)?;

        let content = |with: &str| page.attribute_of("meta", with, "content");
        let url = format!("https://homes.example{target}");
        let canonical = page.attribute_of("link", " rel=\"canonical\"", "href");
        assert_eq!(canonical.as_deref(), Some(&*url));
        assert_eq!(content("og:url").as_deref(), Some(&*url));
        assert_eq!(content("og:title"), Some(page.first("title").text()));
        assert!(content(" name=\"description\"").is_some_and(|words| words.len() > 20));
        assert!(!page.source().contains("noindex"), "{target}");
    }
    let lost = site.page("/nowhere/")?;
    assert!(lost.source().contains("noindex") && !lost.source().contains("canonical"));
    for target in "/lettings/?q=flat /lettings/?sort=-id /profiles/?q=air".split(' ') {
        assert_contains(site.page(target)?.source(), "noindex");
    }
    Ok(())
}

#[test]
fn preview_image_exists() -> Result<()> {
    let site = TestSite::start()?;

    let page = site.page("/")?;
    let picture = page.attribute_of("meta", " property=\"og:image\"", "content");
    let target = picture
        .as_deref()
        .and_then(|url| url.strip_prefix("https://homes.example"))
        .context("a picture elsewhere")?;

    let response = site.get(target)?;
    assert_eq!(response.status, 200);
    assert_eq!(response.header("content-type"), Some("image/png"));
    Ok(())
}

#[test]
fn a_letting_has_json_ld() -> Result<()> {
    for site in TestSite::on_each()? {
        let draft = AddressDraft {
            zip_code: "02134".to_owned(),
            ..address()
        };
        letting_at(&mut site.database()?, "</script> & Sons", &draft)?;

        let page = site.page("/lettings/1/")?;
        let facts: Value = serde_json::from_str(page.first("script").source())?;

        let letting = &facts["@graph"][0];
        assert_eq!(letting["name"], "</script> & Sons");
        assert_eq!(letting["url"], "https://homes.example/lettings/1/");
        assert_eq!(letting["address"]["streetAddress"], "12 Gull Lane");
        assert_eq!(letting["address"]["postalCode"], "02134");
        assert_eq!(letting["address"]["addressCountry"], "US");
        let breadcrumbs = facts["@graph"][1]["itemListElement"].as_array();
        assert_eq!(breadcrumbs.map(Vec::len), Some(3));
    }
    Ok(())
}
