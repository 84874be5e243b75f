//! The address as an inline of the letting's form.

use super::{ADDRESS_FORM, Browser, with};
use crate::support::{
    TestSite, address, assert_contains, assert_contains_all, assert_contains_none, letting, pairs,
};
use anyhow::Result;
use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::Text;
use lettings::{Address, Letting};

pub(super) const ADD: &str = "/admin/lettings/letting/add/";
pub(super) const CHANGE: &str = "/admin/lettings/letting/1/change/";

/// A letting with a new address.
pub(super) const NEW: [(&str, &str); 8] = [
    ("title", "Pier House"),
    ("address", ""),
    ("address-number", " 007 "),
    ("address-street", "Pier Road"),
    ("address-city", "Seal Beach"),
    ("address-state", "CA"),
    ("address-zip_code", "02134"),
    ("address-country_iso_code", "USA"),
];

/// These fields with some values replaced, and the save button.
pub(super) fn form_with<'a>(
    fields: &[(&'a str, &'a str)],
    values: &[(&'a str, &'a str)],
) -> Vec<(&'a str, &'a str)> {
    with(fields, &[values, &[("_save", "")]].concat())
}

/// The form of the fixture's letting in Gull Lane.
pub(super) const STORED: [(&str, &str); 8] = [
    ("title", "Pier House"),
    ("address", "1"),
    ("address-number", "12"),
    ("address-street", "Gull Lane"),
    ("address-city", "Dana Point"),
    ("address-state", "CA"),
    ("address-zip_code", "92629"),
    ("address-country_iso_code", "USA"),
];

pub(super) fn streets(site: &TestSite) -> Result<Vec<String>> {
    let conn = &mut site.database()?;
    let addresses: Vec<Address> = Address::query().load(conn)?;
    Ok(addresses
        .into_iter()
        .map(|address| address.line())
        .collect())
}

fn history(browser: &mut Browser, model: &str) -> Result<String> {
    let target = format!("/admin/lettings/{model}/1/history/");
    Ok(browser.page(&target)?.first("tbody").text())
}

#[test]
fn a_letting_is_added_with_its_new_address() -> Result<()> {
    for site in TestSite::on_each()? {
        let mut browser = Browser::superuser(&site, "ada")?;

        let added = browser.fill(ADD, &form_with(&NEW, &[]))?;

        assert_contains(&browser.follow(&added)?, "Added letting “Pier House”.");
        let (letting, address) = Letting::with_address(&mut site.database()?, 1)?;
        assert_eq!((letting.title.as_str(), address.number), ("Pier House", 7));
        assert_eq!(address.in_one_line(), "7 Pier Road, Seal Beach, CA 02134");
        for model in ["letting", "address"] {
            assert_contains(&history(&mut browser, model)?, "Added.");
        }
    }
    Ok(())
}

#[test]
fn errors_of_both_forms_are_shown_together_and_nothing_is_saved() -> Result<()> {
    for site in TestSite::on_each()? {
        let mut browser = Browser::superuser(&site, "ada")?;
        let wrong = pairs("title=&address-number=1e3&address-state=C");

        let rejected = browser.fill(ADD, &form_with(&NEW, &wrong))?;

        let page = rejected.html()?;
        assert_eq!(rejected.status, 422);
        assert_contains_all(
            &page.text(),
            "3 errors to correct | Title is required. | Number must be a whole number. | \
             State must be exactly 2 characters; you entered 1.",
        );
        assert!(page.has_link("Number must be a whole number.", "#id_address-number"));
        let typed = page.attribute_of("input", "id=\"id_address-street\"", "value");
        assert_eq!(typed.as_deref(), Some("Pier Road"));
        let title = page.first("title").text();
        assert!(title.starts_with("Error: Add letting"), "{title}");
        let blank = form_with(&NEW.map(|(name, _)| (name, "")), &[("title", "Pier House")]);
        let text = browser.fill(ADD, &blank)?.page_text()?;
        assert_contains_all(&text, "6 errors to correct | Street is required.");
        assert_contains_none(&text, "Address is required.");
        assert_eq!(streets(&site)?, [""; 0]);
    }
    Ok(())
}

#[test]
fn save_as_new_adds_a_letting_with_its_own_address() -> Result<()> {
    for site in TestSite::on_each()? {
        let conn = &mut site.database()?;
        letting(conn, "Pier House")?;
        let mut browser = Browser::superuser(&site, "ada")?;
        let copy = [("title", "Pier Villa"), ("_saveasnew", "")];
        let token = browser.hidden(CHANGE, "_form")?;
        let other = with(&copy, &[("address-number", "77"), ("_form", &token)]);

        let confirmation = browser.fill(CHANGE, &with(&STORED, &copy))?.html()?;
        let added = browser.fill(CHANGE, &with(&STORED, &other))?;
        let next = browser.follow(&added)?;
        let again = browser.fill(CHANGE, &with(&STORED, &other))?;

        assert_contains(&confirmation.text(), "This address already exists.");
        let action = confirmation.attribute_of("form", "form-row", "action");
        assert_eq!(action.as_deref(), Some(ADD));
        assert_contains(&next, "Added letting “Pier Villa”. You can continue");
        assert_eq!(again.status, 303, "submitted twice");
        let newest = "SELECT title FROM lettings ORDER BY id DESC LIMIT 1";
        let newest: String = sql::<Text>(newest).get_result(conn)?;
        assert_eq!((Letting::count(conn)?, &*newest), (2, "Pier Villa"));
        assert_eq!(streets(&site)?, ["12 Gull Lane", "77 Gull Lane"]);
    }
    Ok(())
}

#[test]
fn an_address_changed_with_its_letting_has_its_own_history() -> Result<()> {
    for site in TestSite::on_each()? {
        letting(&mut site.database()?, "Pier House")?;
        let mut browser = Browser::superuser(&site, "ada")?;
        let alone = [("title", "Pier Cottage"), ("address-number", "0012")];
        let wrong = [("title", "Pier Cottage"), ("address-city", "")];

        browser.fill(CHANGE, &form_with(&STORED, &alone))?;
        let untouched = history(&mut browser, "address")?;
        let next =
            browser.fill_and_follow(CHANGE, &form_with(&STORED, &[("address-city", "Irvine")]))?;
        let rejected = browser.fill(CHANGE, &form_with(&STORED, &wrong))?;

        assert_eq!(untouched, "");
        assert_contains(&next, "Changed letting “Pier House”.");
        let (letting, address) = Letting::with_address(&mut site.database()?, 1)?;
        assert_eq!((&*letting.title, &*address.city), ("Pier House", "Irvine"));
        assert_contains(&history(&mut browser, "letting")?, "Changed Title.");
        assert_contains(&history(&mut browser, "address")?, "Changed City.");
        assert_contains(&rejected.page_text()?, "City is required.");
    }
    Ok(())
}

#[test]
fn a_letting_can_move_to_a_free_or_new_address() -> Result<()> {
    for site in TestSite::on_each()? {
        let conn = &mut site.database()?;
        letting(conn, "Pier House")?;
        let free = Address::insert(conn, &address().check().expect("it keeps the rules"))?;
        let mut browser = Browser::superuser(&site, "ada")?;
        let at = |conn: &mut _| -> Result<i64> { Ok(Letting::with_address(conn, 1)?.1.id) };

        browser.fill(
            CHANGE,
            &form_with(&STORED, &[("address", &free.to_string())]),
        )?;
        assert_eq!(at(conn)?, free);
        browser.fill(
            CHANGE,
            &form_with(&STORED, &[("address", ""), ("address-number", "99")]),
        )?;
        assert_eq!(at(conn)?, free + 1);

        assert_eq!(
            streets(&site)?,
            ["12 Gull Lane", "12 Gull Lane", "99 Gull Lane"]
        );
        let unchanged = [("address", ""), ("address-number", "99")];
        let rejected = browser.fill(CHANGE, &form_with(&STORED, &unchanged))?;
        assert!(rejected.page_text()?.contains("Address is required."));
    }
    Ok(())
}

#[test]
fn an_address_is_either_selected_or_entered() -> Result<()> {
    let site = TestSite::start()?;
    let conn = &mut site.database()?;
    Address::insert(conn, &address().check().expect("it keeps the rules"))?;
    let mut browser = Browser::superuser(&site, "ada")?;

    let rejected = browser.fill(ADD, &form_with(&NEW, &[("address", "1")]))?;

    let page = rejected.html()?;
    assert_eq!(rejected.status, 422);
    assert!(page.has_link(
        "Choose an existing address or add a new one, not both.",
        "#id_address"
    ));
    assert!(page.source().contains("value=\"Pier Road\""));
    let added = browser.fill(ADD, &form_with(&STORED, &[]))?;
    assert_eq!(added.status, 303, "the fields say what is chosen");
    Ok(())
}

#[test]
fn concurrent_change_of_the_address_is_a_conflict() -> Result<()> {
    for site in TestSite::on_each()? {
        letting(&mut site.database()?, "Pier House")?;
        let (mut ada, mut bob) = (
            Browser::superuser(&site, "ada")?,
            Browser::superuser(&site, "bob")?,
        );
        let version = ada.version(CHANGE)?;
        let theirs = with(&ADDRESS_FORM, &[("city", "Irvine")]);
        bob.fill("/admin/lettings/address/1/change/", &theirs)?;
        let mut mine = form_with(&STORED, &[("address-state", "NV")]);
        mine.push(("_version", &version));

        let conflict = ada.post(CHANGE, &mine)?;

        let page = conflict.text()?;
        assert_eq!(conflict.status, 409);
        assert_contains(&page, "name=\"merge_address-city\"");
        let version = super::hidden(&page, "_version").unwrap_or_default();
        let mut mixed = form_with(&STORED, &[("address-state", "NV")]);
        mixed.extend([
            ("_version", &*version),
            ("_resolve", "mix"),
            ("merge_address-city", "theirs"),
        ]);
        assert_eq!(ada.post(CHANGE, &mixed)?.status, 303);
        let (_, address) = Letting::with_address(&mut site.database()?, 1)?;
        assert_eq!((&*address.city, &*address.state), ("Irvine", "NV"));
    }
    Ok(())
}

#[test]
fn without_address_permissions_only_the_choice_is_shown() -> Result<()> {
    let site = TestSite::with_letting()?;
    let mut clerk = Browser::staff(
        &site,
        "clerk",
        &["lettings.change_letting", "lettings.add_letting"],
    )?;

    for target in [ADD, CHANGE] {
        let page = clerk.get(target)?.text()?;
        assert_contains_none(&page, "address-street | New address");
    }
    for (target, form, verb) in [(CHANGE, &STORED, "change"), (ADD, &NEW, "add")] {
        let denied = clerk.fill(target, &form_with(form, &[]))?;
        assert_eq!(denied.status, 403);
        let words = format!("This requires the permission “lettings · address · {verb}”.");
        assert_contains(&denied.page_text()?, &words);
    }
    let fields = [("title", "Pier Cottage"), ("address", "1"), ("_save", "")];
    assert_eq!(clerk.fill(CHANGE, &fields)?.status, 303);
    assert_eq!(streets(&site)?, ["12 Gull Lane"]);
    Ok(())
}

#[test]
fn address_inline_requires_add_or_change_permission() -> Result<()> {
    let site = TestSite::with_letting()?;
    let own = "lettings.change_letting";
    let mut changer = Browser::staff(&site, "changer", &[own, "lettings.change_address"])?;
    let mut adder = Browser::staff(&site, "adder", &[own, "lettings.add_address"])?;

    let rejected = changer.fill(
        CHANGE,
        &form_with(&STORED, &[("address", ""), ("address-number", "99")]),
    )?;
    assert!(rejected.page_text()?.contains("Address is required."));
    let rejected = adder.fill(CHANGE, &form_with(&STORED, &[("address-number", "99")]))?;
    assert!(rejected.page_text()?.contains("not both"));
    assert_eq!(streets(&site)?, ["12 Gull Lane"]);

    let saved = changer.fill(CHANGE, &form_with(&STORED, &[("address-number", "99")]))?;
    assert_eq!(saved.status, 303);

    assert_eq!(adder.fill(CHANGE, &form_with(&NEW, &[]))?.status, 303);
    assert_eq!(streets(&site)?, ["99 Gull Lane", "7 Pier Road"]);
    Ok(())
}
