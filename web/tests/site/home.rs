//! The home page.

use anyhow::Result;

use crate::support::{TestSite, letting_in};

#[test]
fn home_links_to_both_lists() -> Result<()> {
    let site = TestSite::start()?;

    let home = site.get("/")?;

    assert_eq!(home.status, 200);
    let page = home.html()?;
    assert!(page.first("title").text().starts_with("Holiday Homes"));
    assert_eq!(page.texts("h1"), ["Welcome to Holiday Homes"]);
    assert!(page.has_link("Lettings", "/lettings/"));
    assert!(page.has_link("Profiles", "/profiles/"));
    Ok(())
}

#[test]
fn home_shows_the_newest_lettings_and_cities() -> Result<()> {
    for site in TestSite::on_each()? {
        let conn = &mut site.database()?;
        letting_in(conn, "House 1", "Seal Beach")?;
        let with_one = site.page("/")?;
        for number in 2..=7 {
            letting_in(conn, &format!("House {number}"), "Seal Beach")?;
        }

        let page = site.page("/")?;

        assert!(with_one.has_link("See the letting", "/lettings/"));
        let text = page.text();
        assert_eq!(page.href("House 1"), None);
        assert!(text.find("House 7") < text.find("House 2"), "{text}");
        assert!(page.has_link("House 7", "/lettings/7/"));
        assert!(page.has_link("See all 7 lettings", "/lettings/"));
        assert!(page.has_link("Seal Beach", "/lettings/?city=Seal+Beach"));
    }
    Ok(())
}

#[test]
fn home_links_to_the_12_cities_with_most_lettings() -> Result<()> {
    for site in TestSite::on_each()? {
        let conn = &mut site.database()?;
        for town in 'A'..='L' {
            letting_in(conn, "House", &format!("{town}ville"))?;
        }
        let before = site.page("/")?;
        letting_in(conn, "House", "Zuma")?;
        letting_in(conn, "House", "Zuma")?;

        let after = site.page("/")?;

        assert!(before.has_link("Lville", "/lettings/?city=Lville"));
        assert_eq!(before.href("See all towns"), None);
        assert!(after.has_link("Zuma", "/lettings/?city=Zuma"));
        assert_eq!(after.href("Lville"), None);
        assert!(after.has_link("See all towns", "/lettings/?sort=city"));
    }
    Ok(())
}

#[test]
fn the_current_page_is_marked() -> Result<()> {
    let site = TestSite::with_letting()?;

    for (path, mark, href) in [
        ("/", "page", Some("/")),
        ("/lettings/", "page", Some("/lettings/")),
        ("/profiles/", "page", Some("/profiles/")),
        ("/lettings/1/", "true", Some("/lettings/")),
        ("/nowhere/", "page", None),
    ] {
        let mark = format!(" aria-current=\"{mark}\"");
        let marked = site.page(path)?.attribute_of("a", &mark, "href");
        assert_eq!(marked.as_deref(), href, "{path}");
    }
    Ok(())
}
