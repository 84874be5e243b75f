//! The list of lettings, and one letting.

use anyhow::Result;
use lettings::testing::{insert_address, insert_letting, letting_draft};
use lettings::{AddressDraft, LettingDraft};

use crate::html::Html;
use crate::support::{
    TestSite, address, assert_contains, assert_contains_all, assert_contains_none, letting,
    letting_at, letting_in, profile,
};

/// A title that is harmful unless it is escaped.
const HOSTILE: &str = "<script>alert('1')</script> & \"Sons\"";

#[test]
fn lettings_are_listed_by_id() -> Result<()> {
    for site in TestSite::on_each()? {
        let conn = &mut site.database()?;
        letting(conn, "Pier House")?;
        letting(conn, "Lakeside flat")?;

        let list = site.get("/lettings/")?;

        assert_eq!(list.status, 200);
        let page = list.html()?;
        assert!(page.first("title").text().starts_with("Lettings"));
        assert_eq!(page.texts("h1"), ["Lettings"]);
        assert_eq!(
            listed(&page),
            [
                ("Pier House", "/lettings/1/"),
                ("Lakeside flat", "/lettings/2/")
            ]
            .map(|(title, href)| (title.to_owned(), href.to_owned()))
        );
        assert!(page.text().contains("2 lettings"));
        assert!(page.has_link("Home", "/") && page.has_link("Profiles", "/profiles/"));
    }
    Ok(())
}

/// Title and address of each letting in the list.
fn listed(page: &Html) -> Vec<(String, String)> {
    let links = page.all("li").into_iter().flat_map(|item| item.links());
    links
        .filter(|link| link.href.starts_with("/lettings/") && link.href.ends_with('/'))
        .filter(|link| !["/lettings/", "/lettings/feed/"].contains(&&*link.href))
        .map(|link| (link.text, link.href))
        .collect()
}

#[test]
fn a_letting_shows_its_address_in_three_lines() -> Result<()> {
    for site in TestSite::on_each()? {
        letting(&mut site.database()?, "Lakeside flat")?;

        let response = site.get("/lettings/1/")?;

        assert_eq!(response.status, 200);
        let page = response.html()?;
        assert!(page.first("title").text().starts_with("Lakeside flat"));
        assert_eq!(page.texts("h1"), ["Lakeside flat"]);
        assert_eq!(
            page.first("address").texts("p"),
            ["12 Gull Lane", "Dana Point, CA 92629", "USA"]
        );
        assert!(page.has_link("Back", "/lettings/"));
        assert!(page.has_link("Home", "/") && page.has_link("Profiles", "/profiles/"));
    }
    Ok(())
}

#[test]
fn a_letting_shows_facts_and_host_and_a_draft_is_404() -> Result<()> {
    for site in TestSite::on_each()? {
        let conn = &mut site.database()?;
        let host_id = Some(profile(conn, "AirWow")?);
        for (title, status) in [("Pier House", "published"), ("Secret Attic", "draft")] {
            let address_id = insert_address(conn, &address())?;
            let draft = LettingDraft {
                status: status.to_owned(),
                description: "One.".to_owned(),
                kind: "house".to_owned(),
                sleeps: "6".to_owned(),
                bedrooms: "3".to_owned(),
                bathrooms: "1.5".to_owned(),
                price_from: "240".to_owned(),
                min_nights: "3".to_owned(),
                features: vec!["pool".to_owned()],
                permit: "P1".to_owned(),
                host_id,
                address_shown: false,
                ..letting_draft(title, address_id)
            };
            insert_letting(conn, &draft)?;
        }
        letting(conn, "Bare House")?;

        let page = site.page("/lettings/1/")?;
        let bare = site.page_text("/lettings/3/")?;
        let list = site.page_text("/lettings/")?;

        assert_contains_all(
            &page.text(),
            "House in Dana Point | See on OpenStreetMap | Permit P1 Hosted by AirWow | \
             Sleeps 6 3 bedrooms 1.5 bathrooms from $240 a night at least 3 nights | \
             About this home One. What it offers",
        );
        assert!(page.has_link("AirWow", "/profiles/AirWow/"));
        assert!(!page.source().contains("Gull Lane"));
        let (_, own) = bare.split_once("Bare House").unwrap_or_default();
        let own = own.split("More in").next().unwrap_or_default();
        assert_contains(own, "Gull Lane");
        let facts = "Sleeps | night | About this home | What it offers | Permit | Hosted";
        assert_contains_none(own, facts);
        assert_contains_all(
            &list,
            "2 lettings | Sleeps 6 · 3 bedrooms from $240 a night",
        );
        let host = "/profiles/AirWow/";
        assert_contains(&site.page_text(host)?, "Lettings hosted by AirWow");
        let paths = "/ /lettings/ /lettings/3/ /lettings/feed/ /sitemap.xml";
        for path in paths.split(' ').chain([host]) {
            let text = site.get(path)?.text()?;
            assert!(text.contains("/lettings/1/"), "{path}");
            assert_contains_none(&text, "Secret | /lettings/2/");
        }
    }
    Ok(())
}

#[test]
fn all_text_is_escaped() -> Result<()> {
    let site = TestSite::start()?;
    let draft = AddressDraft {
        street: "<b>Bold</b> Street".to_owned(),
        city: "<i>City</i>".to_owned(),
        state: "<>".to_owned(),
        country_iso_code: "&\"'".to_owned(),
        ..address()
    };
    letting_at(&mut site.database()?, HOSTILE, &draft)?;

    for path in "/ /lettings/ /lettings/1/ /lettings/?city=%3Ci%3ECity%3C/i%3E".split(' ') {
        let page = site.page(path)?;

        assert_contains(&page.text(), HOSTILE);
        assert_contains_none(page.source(), "<script> | </script> & | <b> | <i>");
    }
    let lines = site.page("/lettings/1/")?.first("address").texts("p");
    assert_eq!(
        lines,
        ["12 <b>Bold</b> Street", "<i>City</i>, <> 92629", "&\"'"]
    );
    Ok(())
}

#[test]
fn search_terms_are_escaped() -> Result<()> {
    let site = TestSite::start()?;

    let page = site.page("/lettings/?q=%3Cscript%3Ex%3C/script%3E%22&city=%27%22%3E%3Cb%3E&state=%3Ci%3E&sort=%3Cu%3E")?;

    assert_contains_none(page.source(), "<script>x | <b> | <i> | <u>");
    assert_eq!(page.attributes("input", "value"), ["<script>x</script>\""]);
    Ok(())
}

#[test]
fn a_letting_shows_others_in_its_city() -> Result<()> {
    for site in TestSite::on_each()? {
        let conn = &mut site.database()?;
        for title in ["One", "Two", "Three", "Four", "Five"] {
            letting_in(conn, title, "Brea")?;
        }
        letting_in(conn, "Elsewhere", "Tustin")?;

        let page = site.page("/lettings/5/")?;

        let shown: Vec<_> = listed(&page).into_iter().map(|(title, _)| title).collect();
        assert_eq!(shown, ["Four", "Three", "Two"]);
        assert!(!site.page_text("/lettings/6/")?.contains("More in"));
    }
    Ok(())
}
