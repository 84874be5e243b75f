//! Add and change forms.

use anyhow::{Context, Result};
use lettings::Letting;
use lettings::testing::insert_address;

use super::{ADDRESS_FORM, Browser, hidden, value, with};
use crate::support::{
    TestSite, address, assert_contains, assert_contains_all, assert_header, assert_redirect,
    letting, pairs,
};

/// The form of another address than the fixture's, with careless typing.
const NEW_ADDRESS: [(&str, &str); 6] = [
    ("number", " 007 "),
    ("street", "Gull Lane"),
    ("city", "Dana Point"),
    ("state", "CA"),
    ("zip_code", "02134"),
    ("country_iso_code", "USA"),
];

#[test]
fn new_address_and_letting_are_public_at_once() -> Result<()> {
    for site in TestSite::on_each()? {
        let mut browser = Browser::superuser(&site, "ada")?;
        let address = with(&NEW_ADDRESS, &[("_addanother", "")]);
        let letting = pairs("title=Pier <House>&address=1&_continue=");

        let first = browser.fill_and_follow("/admin/lettings/address/add/", &address)?;
        let form = browser.fill_and_follow("/admin/lettings/letting/add/", &letting)?;

        let added = "Added address “7 Gull Lane”. You can add another below.";
        assert_contains(&first, added);
        let added = "Added letting “Pier <House>”. You can continue editing below.";
        assert_contains(&form, added);
        let page = site.page_text("/lettings/1/")?;
        assert_contains_all(&page, "7 Gull Lane | Dana Point, CA 02134");
        let index = browser.page_text("/admin/")?;
        assert_contains_all(&index, "Pier <House> | Added");
    }
    Ok(())
}

#[test]
fn missing_object_redirects_to_the_index_with_a_message() -> Result<()> {
    let site = TestSite::start()?;
    let mut browser = Browser::superuser(&site, "ada")?;
    let row = |page: &str| format!("/admin/lettings/letting/26/{page}");
    browser.get("/admin/")?;

    let restore = [("restore", "1")];
    for (page, fields) in [
        ("change/", None),
        ("delete/", None),
        ("history/", None),
        ("history/", Some(&restore)),
    ] {
        let response = match fields {
            Some(fields) => browser.post(&row(page), fields)?,
            None => browser.get(&row(page))?,
        };

        assert_redirect(&response, 303, "/admin/");
        let next = browser.follow(&response)?;
        assert_contains(&next, "There is no letting with ID “26”.");
    }
    let odd = browser.get("/admin/lettings/letting/9223372036854775808/change/")?;
    assert_eq!(odd.status, 303);
    assert_header(&browser.get(&row(""))?, "location", &row("change/"));
    Ok(())
}

#[test]
fn no_choice_is_preselected() -> Result<()> {
    let site = TestSite::start()?;
    insert_address(&mut site.database()?, &address())?;
    let mut browser = Browser::superuser(&site, "ada")?;

    for (form, words) in [
        ("lettings/letting", "Add a new address"),
        ("profiles/profile", "Choose one"),
    ] {
        let form = browser.get(&format!("/admin/{form}/add/"))?.text()?;
        let option = format!("<option value=\"\" selected>{words}</option>");
        assert_contains(&form, &option);
    }
    Ok(())
}

#[test]
fn a_form_may_be_multipart() -> Result<()> {
    let site = TestSite::with_letting()?;
    let mut browser = Browser::superuser(&site, "ada")?;
    let form = "/admin/lettings/letting/1/change/";
    browser.get(form)?;

    let fields = [("title", "Quay – House"), ("address", "1"), ("_save", "")];
    let saved = browser.post_parts(form, &fields, &[])?;
    let broken = browser.post_parts(form, &[("title\r\n", "")], &[])?;

    assert_eq!((saved.status, broken.status), (303, 400));
    let (letting, _) = Letting::with_address(&mut site.database()?, 1)?;
    assert_eq!(letting.title, "Quay – House");
    Ok(())
}

#[test]
fn a_form_submitted_twice_adds_one_object() -> Result<()> {
    for site in TestSite::on_each()? {
        let mut ada = Browser::superuser(&site, "ada")?;
        let path = "/admin/lettings/address/add/";
        let token = ada.hidden(path, "_form")?;
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
fn changes_to_a_deleted_object_can_be_saved_as_new_or_restored() -> Result<()> {
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
        let search = ada.post(path, &with(&fields, &[("_find", "address")]))?;
        let sent = ada.post(path, &with(&fields, &[("_save", "")]))?;
        ada.send("HEAD", add, "")?;
        let form = ada.page(add)?;
        let deleted =
            hidden(form.source(), "_deleted").context("the form does not name the deletion")?;
        let fields = with(&fields, &[("_deleted", &deleted)]);
        let new = ada.post(
            add,
            &with(&fields, &[("street", "Tern Road"), ("_save", "")]),
        )?;
        let restored = with(&fields, &[("_restore", "")]);
        let invalid = ada.post(add, &with(&restored, &[("zip_code", "x")]))?;
        let saved = ada.post(add, &restored)?;

        for response in [search, sent] {
            assert_redirect(&response, 303, add);
        }
        assert_contains(&invalid.text()?, &format!("action=\"{path}\""));
        for response in [new, saved] {
            assert_redirect(&response, 303, "/admin/lettings/address/");
        }
        let (letting, address) = Letting::with_address(&mut site.database()?, 1)?;
        assert_eq!(
            (letting.title.as_str(), address.zip_code),
            ("Pier House", 2134)
        );
        let addresses = ada.page_text("/admin/lettings/address/")?;
        assert_contains(&addresses, "7 Tern Road");
        assert_contains_all(
            &form.text(),
            "Someone else deleted this address while you were editing. | \
             Save to add it as a new address, or restore the original below. | \
             Restore it and apply my changes",
        );
        assert_eq!(value(&form, "zip_code"), "02134");
    }
    Ok(())
}
