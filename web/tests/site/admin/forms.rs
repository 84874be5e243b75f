//! Forms: to add a row, to change it, to be told what is wrong.

use anyhow::{Context, Result};
use lettings::{Address, Letting};

use super::{ADDRESS_FORM, Browser, hidden, value, with};
use crate::support::{
    TestSite, address, assert_contains, assert_contains_all, assert_header, assert_redirect,
    letting, profile,
};

/// The form of another address than the fixture's, typed carelessly.
const NEW_ADDRESS: [(&str, &str); 6] = [
    ("number", " 007 "),
    ("street", "Gull Lane"),
    ("city", "Dana Point"),
    ("state", "CA"),
    ("zip_code", "02134"),
    ("country_iso_code", "USA"),
];

#[test]
fn an_address_and_its_letting_are_added_and_public_at_once() -> Result<()> {
    for site in TestSite::on_each()? {
        let mut browser = Browser::superuser(&site, "ada")?;

        let added = browser.fill(
            "/admin/lettings/address/add/",
            &with(&NEW_ADDRESS, &[("_addanother", "")]),
        )?;
        assert_contains(
            &browser.follow(&added)?,
            "Added address “7 Gull Lane”. You can add another below.",
        );
        let letting = [
            ("title", "Pier <House>"),
            ("address", "1"),
            ("_continue", ""),
        ];
        let added = browser.fill("/admin/lettings/letting/add/", &letting)?;
        let form = browser.follow(&added)?;

        assert_contains(
            &form,
            "Added letting “Pier <House>”. You can continue editing below.",
        );
        let page = site.page_text("/lettings/1/")?;
        assert_contains_all(&page, &["7 Gull Lane", "Dana Point, CA 02134"]);
        let index = browser.page_text("/admin/")?;
        assert_contains_all(&index, &["Pier <House>", "Added"]);
    }
    Ok(())
}

#[test]
fn a_change_of_an_address_shows_at_its_letting() -> Result<()> {
    let site = TestSite::start()?;
    let id = letting(&mut site.database()?, "Pier House")?;
    let mut browser = Browser::superuser(&site, "ada")?;
    let path = "/admin/lettings/address/1/change/";

    let saved = browser.fill(path, &with(&NEW_ADDRESS, &[("_save", "")]))?;

    assert_contains(&browser.follow(&saved)?, "Changed address “7 Gull Lane”.");
    assert_contains(&site.page_text(&format!("/lettings/{id}/"))?, "7 Gull Lane");
    Ok(())
}

#[test]
fn a_row_that_is_not_there_leads_back_with_a_word() -> Result<()> {
    let site = TestSite::start()?;
    let mut browser = Browser::superuser(&site, "ada")?;

    for page in ["change", "delete", "history"] {
        let answer = browser.get(&format!("/admin/lettings/letting/26/{page}/"))?;
        assert_redirect(&answer, 303, "/admin/");
        assert_contains(
            &browser.page_text("/admin/")?,
            "There is no letting with ID “26”.",
        );
    }
    let odd = browser.get("/admin/lettings/letting/9223372036854775808/change/")?;
    assert_eq!(odd.status, 303);
    let lead = browser.get("/admin/lettings/letting/26/")?;
    assert_header(&lead, "location", "/admin/lettings/letting/26/change/");
    Ok(())
}

#[test]
fn nobody_overwrites_a_colleague() -> Result<()> {
    for site in TestSite::on_each()? {
        let conn = &mut site.database()?;
        Address::insert(
            conn,
            &address().check().expect("the fixture keeps the rules"),
        )?;
        let (mut ada, mut bob) = (
            Browser::superuser(&site, "ada")?,
            Browser::superuser(&site, "bob")?,
        );
        let path = "/admin/lettings/address/1/change/";
        let version = ada.version(path)?;
        bob.fill(path, &with(&NEW_ADDRESS, &[("_save", "")]))?;
        let mut send = |version: &str, more: &[(&'static str, &'static str)]| {
            let mine = [("city", "Irvine"), ("_version", version)];
            ada.post(path, &[&with(&NEW_ADDRESS, &mine), more].concat())
        };

        let conflict = send(&version, &[("_save", "")])?;
        let page = conflict.text()?;
        let city = |conn: &mut _| -> Result<String> {
            use diesel::prelude::*;
            Ok(Address::query().first::<Address>(conn)?.city)
        };

        assert_eq!(conflict.status, 409);
        assert_contains(
            &page,
            "Someone else changed this address while you were editing. Your changes have not been saved.",
        );
        assert_eq!(city(conn)?, "Dana Point");
        let current = super::hidden(&page, "_version").unwrap_or_default();
        assert_eq!(
            send(&current, &[("_resolve", "mix"), ("merge_city", "theirs")])?.status,
            303
        );
        assert_eq!(city(conn)?, "Dana Point");
        assert_eq!(send(&current, &[("_resolve", "mine")])?.status, 303);
        assert_eq!(city(conn)?, "Irvine");
    }
    Ok(())
}

#[test]
fn a_profile_shows_its_email_address_when_staff_say_so() -> Result<()> {
    let site = TestSite::start()?;
    profile(&mut site.database()?, "AirWow")?;
    let mut browser = Browser::superuser(&site, "ada")?;
    let form = [
        ("user", "1"),
        ("favorite_city", "Irvine"),
        ("show_email", "on"),
        ("_save", ""),
    ];

    let saved = browser.fill("/admin/profiles/profile/1/change/", &form)?;

    assert_contains(&browser.follow(&saved)?, "Changed profile “AirWow”.");
    assert_contains(
        &site.page_text("/profiles/AirWow/")?,
        "Email: ada@example.org",
    );
    Ok(())
}

#[test]
fn no_choice_is_made_by_itself() -> Result<()> {
    let site = TestSite::start()?;
    let conn = &mut site.database()?;
    Address::insert(
        conn,
        &address().check().expect("the fixture keeps the rules"),
    )?;
    let mut browser = Browser::superuser(&site, "ada")?;

    let form = browser.get("/admin/lettings/letting/add/")?.text()?;

    assert_contains(
        &form,
        "<option value=\"\" selected>Add a new address</option>",
    );
    let profile = browser.get("/admin/profiles/profile/add/")?.text()?;
    assert!(profile.contains("<option value=\"\" selected>Choose one</option>"));
    Ok(())
}

#[test]
fn a_form_without_a_version_is_taken_as_it_is() -> Result<()> {
    let site = TestSite::with_letting()?;
    let mut browser = Browser::superuser(&site, "ada")?;
    browser.get("/admin/")?;

    let saved = browser.post(
        "/admin/lettings/letting/1/change/",
        &[
            ("title", "Pier Cottage"),
            ("address", " 1 "),
            ("_save", "Save"),
        ],
    )?;

    assert_eq!(saved.status, 303);
    assert_eq!(
        Letting::with_address(&mut site.database()?, 1)?.0.title,
        "Pier Cottage"
    );
    Ok(())
}

#[test]
fn a_form_may_come_in_parts() -> Result<()> {
    let site = TestSite::start()?;
    let conn = &mut site.database()?;
    letting(conn, "Pier House")?;
    let mut browser = Browser::superuser(&site, "ada")?;
    let form = "/admin/lettings/letting/1/change/";
    browser.get(form)?;

    let fields = [("title", "Quay – House"), ("address", "1"), ("_save", "")];
    let saved = browser.post_parts(form, &fields)?;
    let broken = browser.post_parts(form, &[("title\r\n", "")])?;

    assert_eq!(saved.status, 303);
    let (letting, _) = lettings::Letting::with_address(conn, 1)?;
    assert_eq!(letting.title, "Quay – House");
    assert_eq!(broken.status, 400);
    Ok(())
}

#[test]
fn a_form_that_is_sent_twice_adds_one_row() -> Result<()> {
    for site in TestSite::on_each()? {
        let mut ada = Browser::superuser(&site, "ada")?;
        let path = "/admin/lettings/address/add/";
        let page = ada.get(path)?.text()?;
        let token = hidden(&page, "_form").context("the form has no token")?;
        let form = with(&ADDRESS_FORM, &[("_form", &token), ("_save", "")]);
        let edited = with(&form, &[("street", "Tern Road")]);

        let first = ada.post(path, &form)?;
        let second = ada.post(path, &form)?;
        let shown = ada.follow(&second)?;
        let third = ada.post(path, &edited)?;

        let messages = shown.matches("Added address").count();
        assert_eq!((first.status, second.status, messages), (303, 303, 1));
        assert_eq!(third.status, 303);
        assert_contains(&ada.page_text("/admin/lettings/address/")?, "2 addresses");
    }
    Ok(())
}

#[test]
fn changes_to_a_deleted_row_can_be_saved_as_new_or_to_the_restored_row() -> Result<()> {
    for site in TestSite::on_each()? {
        letting(&mut site.database()?, "Pier House")?;
        let mut ada = Browser::superuser(&site, "ada")?;
        let (path, add) = (
            "/admin/lettings/address/1/change/",
            "/admin/lettings/address/add/",
        );
        let version = ada.version(path)?;
        ada.post("/admin/lettings/address/1/delete/", &[("post", "yes")])?;

        let fields = with(&NEW_ADDRESS, &[("_version", &version)]);
        let sent = ada.post(path, &with(&fields, &[("_save", "")]))?;
        ada.send("HEAD", add, "")?;
        let form = ada.page(add)?;
        let deleted =
            hidden(form.source(), "_deleted").context("the form does not name the deletion")?;
        let restored = with(&fields, &[("_restore", ""), ("_deleted", &deleted)]);
        let invalid = ada.post(add, &with(&restored, &[("zip_code", "x")]))?;
        let saved = ada.post(add, &restored)?;

        assert_redirect(&sent, 303, add);
        assert_contains(
            &form.text(),
            "Someone else deleted this address while you were editing.",
        );
        assert_eq!(value(&form, "zip_code"), "02134");
        assert_contains(&invalid.text()?, &format!("action=\"{path}\""));
        assert_redirect(&saved, 303, "/admin/lettings/address/");
        let (letting, address) = lettings::Letting::with_address(&mut site.database()?, 1)?;
        assert_eq!(
            (letting.title.as_str(), address.zip_code),
            ("Pier House", 2134)
        );
    }
    Ok(())
}
