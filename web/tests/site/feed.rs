//! The Atom feed of the newest lettings.

use anyhow::{Context, Result};
use diesel::connection::SimpleConnection;

use crate::support::{TestSite, assert_header, letting, letting_in};

#[test]
fn feed_has_the_newest_lettings() -> Result<()> {
    for site in TestSite::on_each()? {
        let conn = &mut site.database()?;
        for number in 1..=25 {
            letting(conn, &format!("House <{number}> & sons"))?;
        }

        let feed = site.get("/lettings/feed/")?;

        assert_eq!(feed.status, 200);
        assert_header(&feed, "content-type", "application/atom+xml; charset=utf-8");
        let ids = feed.xml_texts("id")?;
        assert_eq!(ids.len(), 25);
        assert_eq!(ids[0], "https://homes.example/lettings/feed/");
        assert_eq!(ids[1], "https://homes.example/lettings/25/");
        let titles = feed.xml_texts("title")?;
        assert_eq!(titles[1], "House <25> & sons");
        let address = "12 Gull Lane, Dana Point, CA 92629";
        assert_eq!(feed.xml_texts("summary")?[0], address);

        for time in feed.xml_texts("updated")? {
            chrono::DateTime::parse_from_rfc3339(&time).context(time)?;
        }
    }
    Ok(())
}

#[test]
fn feed_applies_the_search() -> Result<()> {
    for site in TestSite::on_each()? {
        let conn = &mut site.database()?;
        letting_in(conn, "Pier House", "Seal Beach")?;
        letting_in(conn, "Pier Flat", "Tustin")?;
        letting_in(conn, "Barn", "Tustin")?;

        let list = site.page("/lettings/?q=pier&city=Tustin&sort=title")?;
        let href = list.href("Atom feed of this list").unwrap_or_default();
        let feed = site.get(&href)?;

        assert_eq!(href, "/lettings/feed/?q=pier&city=Tustin");
        assert_eq!(
            feed.xml_texts("title")?,
            [
                "Newest lettings “pier” in Tustin – Holiday Homes",
                "Pier Flat"
            ]
        );
    }
    Ok(())
}

#[test]
fn an_empty_feed_is_valid() -> Result<()> {
    let site = TestSite::start()?;

    let feed = site.get("/lettings/feed/?q=%3C%26&city=%22")?;

    assert_eq!(feed.status, 200);
    assert_eq!(feed.xml_texts("entry")?.len(), 0);
    let updated = feed.xml_texts("updated")?;
    assert!(
        updated.len() == 1 && !updated[0].starts_with("1970"),
        "{updated:?}"
    );
    Ok(())
}

#[test]
fn feed_is_well_formed_for_every_query() -> Result<()> {
    let site = TestSite::start()?;

    let queries = "q=%01%0B%1F city=%01 state=%0C%1B city=%EF%BF%BE q=%EF%BF%BF city=%FF%ED%A0%80 \
        q=]]%3E";
    for query in queries.split(' ') {
        let feed = site.get(&format!("/lettings/feed/?{query}"))?;

        assert_eq!(feed.status, 200, "{query}");
        feed.xml_texts("title").with_context(|| query.to_owned())?;
    }
    Ok(())
}

#[test]
fn feed_is_well_formed_for_every_title() -> Result<()> {
    let site = TestSite::start()?;
    letting(&mut site.database()?, "Bell & ]]> House")?;
    // Stored by an earlier version.
    let rename = "UPDATE lettings SET title = 'Bell & \u{ffff}]]> House'";
    site.database()?.batch_execute(rename)?;

    let titles = site.get("/lettings/feed/")?.xml_texts("title")?;

    assert_eq!(titles[1], "Bell & \u{fffd}]]> House");
    Ok(())
}
