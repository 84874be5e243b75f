//! Photos as visitors see them.

use anyhow::Result;
use diesel::prelude::*;
use lettings::Photo;
use lettings::testing::photo;
use oc_http::POLICY_WITH_SCRIPTS;

use crate::support::{
    TestSite, assert_contains, assert_contains_all, assert_contains_none, assert_header, letting,
};

/// The paths of the letting's photos at 960 pixels.
fn paths(site: &TestSite) -> Result<Vec<String>> {
    let photos: Vec<Photo> = Photo::query()
        .order(diesel::dsl::sql::<diesel::sql_types::BigInt>("id"))
        .load(&mut site.database()?)?;
    Ok(photos.iter().map(|photo| photo.path(960)).collect())
}

#[test]
fn described_photos_are_immutable_and_others_are_404() -> Result<()> {
    for site in TestSite::on_each()? {
        let conn = &mut site.database()?;
        let id = letting(conn, "Pier House")?;
        photo(conn, id, "Sofa")?;
        photo(conn, id, "")?;
        let paths = paths(&site)?;

        let response = site.get(&paths[0])?;
        assert_eq!(response.status, 200);
        assert_header(&response, "content-type", "image/webp");
        assert_header(
            &response,
            "cache-control",
            "public, max-age=31536000, immutable",
        );
        assert!(response.header("set-cookie").is_none());
        assert!(response.header("content-encoding").is_none());
        let head = site.send("HEAD", &paths[0], &[])?;
        assert_eq!(
            head.header("content-length"),
            response.header("content-length")
        );

        let unknown = format!("/photos/{}-480.webp", "0".repeat(64));
        for path in [
            &*paths[1],
            &*unknown,
            &*paths[0].replace("960", "961"),
            &*paths[0].to_uppercase(),
            "/photos/x-480.webp",
        ] {
            assert_eq!(site.get(path)?.status, 404, "{path}");
        }
        diesel::sql_query("UPDATE lettings SET status = 'draft'").execute(conn)?;
        assert_eq!(site.get(&paths[0])?.status, 404, "of a draft");
    }
    Ok(())
}

#[test]
fn the_page_cache_serves_photos_with_an_etag() -> Result<()> {
    let site = TestSite::with(&[("PAGE_CACHE_SIZE", "8 MB")])?;
    let conn = &mut site.database()?;
    let id = letting(conn, "Pier House")?;
    photo(conn, id, "Sofa")?;
    let path = &paths(&site)?[0];

    let first = site.send("GET", path, &[("accept-encoding", "br")])?;
    let tag = first.header("etag").unwrap_or_default().to_owned();
    assert!(first.header("content-encoding").is_none());
    let known = site.send("GET", path, &[("if-none-match", &tag)])?;
    assert_eq!(known.status, 304);

    Ok(())
}

#[test]
fn a_letting_shows_its_photos_and_its_cover_everywhere() -> Result<()> {
    let site = TestSite::start()?;
    let conn = &mut site.database()?;
    let id = letting(conn, "Pier House")?;
    photo(conn, id, "Sofa & <sea>")?;
    photo(conn, id, "Bed")?;
    let bare = letting(conn, "Cabin")?;
    let cover = site_url(&paths(&site)?[0].replace("960", "1600"));

    let response = site.get(&format!("/lettings/{id}/"))?;
    assert_header(&response, "content-security-policy", POLICY_WITH_SCRIPTS);
    let page = response.html()?;
    let source = page.source();
    assert_contains_all(&page.text(), "Photos | All 2 photos | Sofa & <sea>");
    assert_eq!(page.texts("h1"), ["Pier House"]);
    let words = "480w | 600w\" sizes= | width=\"600\" height=\"400\" fetchpriority=\"high\"";
    assert_contains_all(source, words);
    assert_contains(
        source,
        &format!("property=\"og:image\" content=\"{cover}\""),
    );
    assert_eq!(source.matches("fetchpriority").count(), 1);
    // No drawing if there are photos.
    assert_contains_none(source, "postcard-picture");
    assert_contains(source, &format!("\"image\":[\"{cover}\","));
    assert_contains(&site.get("/lettings/feed/")?.text()?, &cover);
    for list in ["/", "/lettings/"] {
        assert_contains(site.page(list)?.source(), "alt=\"Sofa &amp; &lt;sea&gt;\"");
    }

    let page = site.page(&format!("/lettings/{bare}/"))?;
    assert!(!page.text().contains("Photos"));
    assert_contains_all(page.source(), "scene- | /static/og.");
    Ok(())
}

fn site_url(path: &str) -> String {
    format!("https://homes.example{path}")
}
