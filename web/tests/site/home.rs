//! The home page.

use anyhow::Result;

use crate::support::{TestSite, assert_contains, letting, letting_in};

#[test]
fn home_welcomes_and_leads_to_both_lists() -> Result<()> {
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
fn home_shows_the_newest_lettings_and_the_towns() -> Result<()> {
    for site in TestSite::on_each()? {
        let conn = &mut site.database()?;
        for number in 1..=7 {
            letting_in(conn, &format!("House {number}"), "Seal Beach")?;
        }

        let page = site.page("/")?;

        let text = page.text();
        assert!(!page.links().iter().any(|link| link.text == "House 1"));
        assert!(text.find("House 7") < text.find("House 2"), "{text}");
        assert!(page.has_link("House 7", "/lettings/7/"));
        assert!(page.has_link("See all 7 lettings", "/lettings/"));
        assert!(page.has_link("Seal Beach", "/lettings/?city=Seal+Beach"));
    }
    Ok(())
}

#[test]
fn home_links_to_the_twelve_towns_with_most_lettings() -> Result<()> {
    for site in TestSite::on_each()? {
        let conn = &mut site.database()?;
        for town in 'A'..='L' {
            letting_in(conn, "House", &format!("{town}ville"))?;
        }
        let before = site.page("/")?;
        for _ in 0..2 {
            letting_in(conn, "House", "Zuma")?;
        }

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
fn a_single_letting_is_not_called_several() -> Result<()> {
    let site = TestSite::start()?;
    letting(&mut site.database()?, "Lakeside flat")?;

    let page = site.page("/")?;

    assert!(page.has_link("See the letting", "/lettings/"));
    Ok(())
}

#[test]
fn an_empty_home_page_says_so() -> Result<()> {
    let site = TestSite::start()?;

    let text = site.page_text("/")?;

    assert_contains(&text, "No lettings are available.");
    Ok(())
}

#[test]
fn the_page_that_one_is_on_is_marked() -> Result<()> {
    let site = TestSite::start()?;
    letting(&mut site.database()?, "Lakeside flat")?;
    let marked = |path: &str, mark: &str| -> Result<Option<String>> {
        let mark = format!(" aria-current=\"{mark}\"");
        Ok(site.page(path)?.attribute_of("a", &mark, "href"))
    };

    assert_eq!(marked("/", "page")?.as_deref(), Some("/"));
    assert_eq!(marked("/lettings/", "page")?.as_deref(), Some("/lettings/"));
    assert_eq!(marked("/profiles/", "page")?.as_deref(), Some("/profiles/"));
    assert_eq!(
        marked("/lettings/1/", "true")?.as_deref(),
        Some("/lettings/")
    );
    assert_eq!(marked("/nowhere/", "page")?, None);
    Ok(())
}
