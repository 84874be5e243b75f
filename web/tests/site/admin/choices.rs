//! Choices: a select for a few, a search for many.

use anyhow::Result;
use diesel::QueryResult;
use lettings::{Address, AddressDraft};
use oc_core::DbConnection;
use serde_json::json;

use super::{ADDRESS_FORM, Browser, with};
use crate::support::{TestSite, address, assert_contains, assert_redirect, letting, pairs};

/// Free addresses in Gull Lane, numbered from 1.
fn insert_addresses(conn: &mut DbConnection, count: i32) -> QueryResult<()> {
    for number in 1..=count {
        let draft = AddressDraft {
            number: number.to_string(),
            ..address()
        };
        Address::insert(conn, &draft.check().expect("the fixture keeps the rules"))?;
    }
    Ok(())
}

#[test]
fn up_to_50_choices_are_a_select_and_more_are_searched() -> Result<()> {
    for site in TestSite::on_each()? {
        let conn = &mut site.database()?;
        insert_addresses(conn, 50)?;
        let mut browser = Browser::superuser(&site, "ada")?;
        let mut form = || browser.page("/admin/lettings/letting/add/");

        let few = form()?;
        insert_addresses(conn, 1)?;
        let many = form()?;

        assert_eq!(few.select("address").all("option").len(), 51);
        assert!(!few.source().contains("name=\"_find\""));
        assert_eq!(many.select("address").all("option").len(), 51);
        assert_contains(&many.text(), "1 more not listed. Search to find one.");
        assert!(many.source().contains("name=\"_find\" value=\"address\""));
    }
    Ok(())
}

#[test]
fn searching_choices_without_script_keeps_the_form() -> Result<()> {
    let site = TestSite::start()?;
    let conn = &mut site.database()?;
    insert_addresses(conn, 60)?;
    letting(conn, "Pier House")?;
    let mut browser = Browser::superuser(&site, "ada")?;
    let change = "/admin/lettings/letting/1/change/";
    let opened = browser.version(change)?;
    let typed =
        pairs("title=Sea <Flat>&address=61&_find_address=59 GULL&_find=address&_version=as it was");

    let found = browser.post(change, &typed)?;

    let page = found.html()?;
    let options = page.select("address").attributes("option", "value");
    assert_eq!(found.status, 200);
    assert_eq!(
        options,
        ["", "61", "59"],
        "a new one, the chosen one, the one that was found"
    );
    let title = page.attribute_of("input", "name=\"title\"", "value");
    assert_eq!(title.as_deref(), Some("Sea <Flat>"));
    let version = super::hidden(page.source(), "_version");
    assert_eq!(version.as_deref(), Some("as it was"));
    assert_eq!(browser.version(change)?, opened, "nothing was stored");
    Ok(())
}

#[test]
fn choice_search_returns_json_if_the_form_has_the_field() -> Result<()> {
    for site in TestSite::on_each()? {
        insert_addresses(&mut site.database()?, 60)?;
        let target = "/admin/autocomplete/?app_label=lettings&model_name=letting\
                      &field_name=address&term=60+gull";
        let mut ada = Browser::superuser(&site, "ada")?;
        let mut viewer = Browser::staff(&site, "viewer", &["lettings.view_letting"])?;

        let found = ada.get(target)?;

        assert_eq!(
            found.json()?,
            json!({
                "results": [{ "id": "60", "text": "60 Gull Lane, Dana Point, CA 92629" }],
                "pagination": { "more": false },
                "found": 1,
            })
        );
        assert_eq!(found.header("cache-control"), Some("no-store"));
        assert_eq!(viewer.get(target)?.status, 403);
        assert_eq!(Browser::new(&site).get(target)?.status, 302);
        let for_field = |field: &str| target.replace("=address", field);
        assert_eq!(ada.get(&for_field("=title"))?.status, 404);
        assert_eq!(ada.get("/admin/autocomplete/")?.status, 400);
    }
    Ok(())
}

#[test]
fn a_popup_returns_the_saved_object_to_the_choice() -> Result<()> {
    let site = TestSite::start()?;
    let mut browser = Browser::superuser(&site, "ada")?;
    let form = browser.page("/admin/lettings/letting/add/")?;
    let add = "/admin/lettings/address/add/?_to_field=id&_popup=1";
    let fields = with(&ADDRESS_FORM, &[("street", "Pier Road"), ("_save", "")]);

    assert!(form.links().iter().any(|link| link.href == add));
    browser.get(add)?;
    let without_script = browser.post(add, &fields)?;
    assert_redirect(&without_script, 303, "/admin/lettings/address/");
    let fields = with(&fields, &[("_answered", "street")]);
    let with_script = browser.post(&format!("{add}&_window=1"), &fields)?.text()?;
    let words =
        "data-popup=\"add\" data-value=\"2\" data-label=\"12 Pier Road, Dana Point, CA 92629\"";
    assert_contains(&with_script, words);
    Ok(())
}
