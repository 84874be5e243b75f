//! Both lists: search, filters, order, pagination.

use anyhow::Result;
use lettings::AddressDraft;
use oc_core::DbConnection;

use crate::support::{
    TestSite, address, assert_contains, assert_contains_all, letting, letting_at, letting_in,
    profile,
};

/// The titles or usernames in a list, in order.
fn shown(site: &TestSite, target: &str) -> Result<Vec<String>> {
    let response = site.get(target)?;
    assert_eq!(response.status, 200, "{target}");
    Ok(response.html()?.first("main").texts("h2"))
}

fn three_lettings(conn: &mut DbConnection) -> Result<()> {
    letting_in(conn, "Pier House", "Seal Beach")?;
    letting_in(conn, "apple barn", "Orange")?;
    let texan = AddressDraft {
        street: "Étoile Street".to_owned(),
        city: "Orange".to_owned(),
        state: "TX".to_owned(),
        ..address()
    };
    letting_at(conn, "Lone Star", &texan)?;
    Ok(())
}

#[test]
fn back_link_returns_to_the_search() -> Result<()> {
    let site = TestSite::start()?;
    three_lettings(&mut site.database()?)?;

    for list in ["/lettings/", "/lettings/?q=barn&city=Orange&sort=-title"] {
        let found = site.page(list)?;
        let letting = found.href("apple barn").unwrap_or_default();
        let page = site.page(&letting)?;

        assert!(letting.starts_with("/lettings/2/"), "{letting}");
        assert_eq!(page.href("Back").as_deref(), Some(list));
        let canonical = page.attribute_of("link", " rel=\"canonical\"", "href");
        assert_eq!(
            canonical.as_deref(),
            Some("https://homes.example/lettings/2/")
        );
    }
    let odd = site.get("/lettings/2/?page=x&next=https://evil.example/")?;
    assert!(odd.html()?.has_link("Back", "/lettings/"));
    Ok(())
}

#[test]
fn a_filter_with_one_choice_is_hidden() -> Result<()> {
    let site = TestSite::start()?;
    let conn = &mut site.database()?;
    letting_in(conn, "Pier House", "Seal Beach")?;
    letting_in(conn, "Barn", "Orange")?;
    let labels =
        |target: &str| -> Result<_> { Ok(site.page(target)?.first("form").texts("label")) };

    assert_eq!(labels("/lettings/")?, ["Search", "City", "Sort by"]);
    assert_eq!(
        labels("/lettings/?state=CA")?,
        ["Search", "City", "State", "Sort by"]
    );
    Ok(())
}

#[test]
fn images_after_the_first_row_are_lazy() -> Result<()> {
    let site = TestSite::start()?;
    let conn = &mut site.database()?;
    for number in 1..=6 {
        letting(conn, &format!("House {number}"))?;
    }

    let list = site.page("/lettings/")?;

    assert_eq!(list.attributes("img", "loading"), ["lazy"; 2]);
    Ok(())
}

#[test]
fn lettings_are_sorted_by_the_requested_column() -> Result<()> {
    for site in TestSite::on_each()? {
        three_lettings(&mut site.database()?)?;
        let (pier, apple, star) = ("Pier House", "apple barn", "Lone Star");

        for (sort, order) in [
            ("id", [pier, apple, star]),
            ("-id", [star, apple, pier]),
            ("title", [apple, star, pier]),
            ("-title", [pier, star, apple]),
            ("city", [apple, star, pier]),
            ("-city", [pier, star, apple]),
            ("price", [pier, apple, star]),
        ] {
            let target = format!("/lettings/?sort={sort}");
            assert_eq!(shown(&site, &target)?, order, "{sort}");
        }
    }
    Ok(())
}

#[test]
fn a_page_has_24_lettings_and_links_to_other_pages() -> Result<()> {
    for site in TestSite::on_each()? {
        let conn = &mut site.database()?;
        for number in 1..=49 {
            letting(conn, &format!("House {number}"))?;
        }
        letting(conn, "Barn")?;

        let first = shown(&site, "/lettings/?q=house")?;
        let second = site.page("/lettings/?page=2&utm=x&sort=-id&q=house")?;
        let third = shown(&site, "/lettings/?q=house&page=3")?;

        assert_eq!((first.len(), &*first[0]), (24, "House 1"));
        assert_eq!(third, ["House 49"]);
        assert!(second.first("title").text().contains("page 2"));
        assert!(second.has_link("Previous", "/lettings/?q=house&sort=-id"));
        assert!(second.has_link("Next", "/lettings/?q=house&sort=-id&page=3"));
        assert!(second.has_link("3", "/lettings/?q=house&sort=-id&page=3"));
        for target in ["/lettings/?q=house&page=4", "/lettings/?page=4"] {
            assert_eq!(site.get(target)?.status, 404, "{target}");
        }
    }
    Ok(())
}

#[test]
fn profiles_are_paginated() -> Result<()> {
    let site = TestSite::start()?;
    let conn = &mut site.database()?;
    for number in 1..=25 {
        profile(conn, &format!("guest{number}"))?;
    }

    let first = site.page("/profiles/")?;
    let second = site.page("/profiles/?page=2")?;

    assert_eq!(first.first("main").texts("h2").len(), 24);
    assert!(first.has_link("Next", "/profiles/?page=2"));
    assert_eq!(second.first("main").texts("h2"), ["guest25"]);
    assert!(second.first("title").text().starts_with("Profiles, page 2"));
    assert_eq!(site.get("/profiles/?page=3")?.status, 404);
    Ok(())
}

#[test]
fn invalid_page_number_is_404() -> Result<()> {
    let site = TestSite::start()?;

    for list in ["/lettings/", "/profiles/"] {
        for page in ["0", "-1", "%2B1", "1.0", "two", "2", "9223372036854775808"] {
            let target = format!("{list}?page={page}");
            assert_eq!(site.get(&target)?.status, 404, "{target}");
        }
        for page in ["", "1", "01"] {
            let target = format!("{list}?page={page}");
            assert_eq!(site.get(&target)?.status, 200, "{target}");
        }
    }
    Ok(())
}

#[test]
fn search_terms_and_number_of_results_are_shown() -> Result<()> {
    for site in TestSite::on_each()? {
        let conn = &mut site.database()?;
        three_lettings(conn)?;
        profile(conn, "AirWow")?;

        let lettings = site.page("/lettings/?q=star&city=Orange&state=TX")?;
        let profiles = site.page("/profiles/?q=air")?;

        let title = lettings.first("title").text();
        assert_contains(&title, "Lettings “star” in Orange, TX");

        assert!(lettings.text().contains("1 of 3 lettings"));
        assert!(lettings.has_link("Clear the search", "/lettings/"));
        assert_eq!(site.page("/lettings/")?.href("Clear the search"), None);
        let title = profiles.first("title").text();
        assert!(title.starts_with("Profiles “air”"), "{title}");
        assert!(profiles.text().contains("1 of 1 profile"));
    }
    Ok(())
}

#[test]
fn an_empty_list_has_a_message() -> Result<()> {
    let site = TestSite::start()?;

    for (target, words) in [
        ("/", "No lettings are available."),
        ("/lettings/", "0 lettings"),
        ("/lettings/", "No lettings are available."),
        ("/profiles/", "No profiles are available."),
    ] {
        assert_contains(&site.page_text(target)?, words);
    }
    Ok(())
}

#[test]
fn a_search_without_results_has_a_message_and_a_link_to_all() -> Result<()> {
    for site in TestSite::on_each()? {
        let conn = &mut site.database()?;
        letting(conn, "Lakeside flat")?;
        profile(conn, "AirWow")?;

        for (list, words) in [
            ("/lettings/", "No lettings match this search."),
            ("/profiles/", "No profiles match this search."),
        ] {
            let page = site.page(&format!("{list}?q=lighthouse"))?;

            let text = page.text();
            assert_contains_all(&text, &format!("{words} | 0 of 1"));
            assert!(!text.contains("are available."), "{text}");
            assert!(page.has_link("Clear the search", list));
        }
    }
    Ok(())
}

#[test]
fn unknown_parameters_are_ignored() -> Result<()> {
    let site = TestSite::start()?;
    letting(&mut site.database()?, "Lakeside flat")?;

    for list in ["/lettings/", "/profiles/"] {
        let plain = site.get(list)?;
        let odd = site.get(&format!("{list}?utm_source=x&=&&a=b=c&%ff&page&q="))?;

        assert_eq!(odd.status, 200);
        assert_eq!(odd.text()?, plain.text()?);
    }
    Ok(())
}

#[test]
fn search_form_has_labels_and_keeps_its_values() -> Result<()> {
    let site = TestSite::start()?;
    three_lettings(&mut site.database()?)?;

    let page = site.page("/lettings/?q=star&city=Orange&state=TX&sort=-city")?;

    let form = page.first("form");
    assert_eq!(page.attributes("form", "action"), ["/lettings/"]);
    assert_eq!(page.attributes("form", "method"), ["get"]);
    assert_eq!(form.texts("label"), ["Search", "City", "State", "Sort by"]);
    assert_eq!(
        form.attributes("label", "for"),
        ["q", "city", "state", "sort"]
    );
    assert_eq!(form.texts("button"), ["Apply"]);
    assert_eq!(form.attributes("input", "value"), ["star"]);
    let chosen: Vec<_> = form
        .all("option")
        .iter()
        .zip(form.source().split("<option").skip(1))
        .filter(|(_, markup)| {
            markup
                .split('>')
                .next()
                .is_some_and(|tag| tag.contains(" selected"))
        })
        .map(|(option, _)| option.text())
        .collect();
    assert_eq!(chosen, ["Orange", "TX", "City, Z to A"]);
    Ok(())
}
