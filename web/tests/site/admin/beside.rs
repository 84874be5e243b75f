//! A row that is added or changed beside a form without a script: the form comes back as it was left.

use anyhow::{Context, Result};

use super::{Browser, hidden};
use crate::html::Html;
use crate::http::Answer;
use crate::support::{TestSite, letting};

const LETTING: &str = "/admin/lettings/letting/add/";
const ADDRESS: &str = "/admin/lettings/address/add/?_to_field=id&_popup=1";

/// What a page beside hides in its form, with what somebody types into it.
fn typed(page: &str, fields: &[(&'static str, &str)]) -> Result<Vec<(&'static str, String)>> {
    let mut form = Vec::new();
    for name in ["_back", "_carried"] {
        form.push((name, hidden(page, name).with_context(|| name.to_owned())?));
    }
    form.push(("_version", hidden(page, "_version").unwrap_or_default()));
    form.extend(
        fields
            .iter()
            .map(|(name, value)| (*name, (*value).to_owned())),
    );
    Ok(form)
}

/// Sends the form of a page beside.
pub(super) fn send(
    browser: &mut Browser<'_>,
    target: &str,
    page: &Answer,
    fields: &[(&'static str, &str)],
) -> Result<Answer> {
    let form = typed(&page.text()?, fields)?;
    let form: Vec<_> = form
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .collect();
    browser.post(target, &form)
}

/// The page that an answer leads to.
pub(super) fn arrive(browser: &mut Browser<'_>, answer: &Answer) -> Result<Html> {
    let target = answer.header("location").context("it leads nowhere")?;
    browser.get(target)?.html()
}

pub(super) fn value(page: &Html, name: &str) -> String {
    let value = page.attribute_of("input", &format!("name=\"{name}\""), "value");
    value.unwrap_or_default()
}

const NEW: [(&str, &str); 7] = [
    ("number", "7"),
    ("street", "Pier Road"),
    ("city", "Seal Beach"),
    ("state", "CA"),
    ("zip_code", "90740"),
    ("country_iso_code", "USA"),
    ("_save", ""),
];

#[test]
fn what_was_typed_is_there_again_with_the_new_row_chosen() -> Result<()> {
    for site in TestSite::on_each()? {
        let mut browser = Browser::superuser(&site, "ada")?;
        let form = browser.get(LETTING)?.html()?;
        let button = "name=\"_beside\"";
        let sent = [
            ("title", "Pier <House>"),
            ("address", ""),
            ("_beside", LETTING),
        ];

        let opens = form.attribute_of("button", button, "formaction");
        let beside = browser.post(ADDRESS, &sent)?;
        let refused = send(
            &mut browser,
            ADDRESS,
            &beside,
            &[("number", "7"), ("_save", "")],
        )?;
        let saved = send(&mut browser, ADDRESS, &refused, &NEW)?;
        let back = arrive(&mut browser, &saved)?;

        assert_eq!(opens.as_deref(), Some(ADDRESS));
        assert_eq!(
            form.attribute_of("button", button, "value").as_deref(),
            Some(LETTING)
        );
        assert!(
            beside
                .html()?
                .texts("h1")
                .contains(&"Add address".to_owned())
        );
        assert!(!beside.text()?.contains("Pier"), "it is sealed");
        assert_eq!(
            (beside.status, refused.status, saved.status),
            (200, 422, 303)
        );
        assert_eq!(value(&back, "title"), "Pier <House>");
        assert!(
            back.source().contains("<option value=\"1\" selected"),
            "{}",
            back.source()
        );
        assert!(back.text().contains("Added address \"7 Pier Road\"."));
        let later = browser
            .get("/admin/lettings/letting/add/?address=1")?
            .html()?;
        assert_eq!(value(&later, "title"), "", "it is led back to once");
    }
    Ok(())
}

#[test]
fn closing_leads_back_too_and_stores_nothing() -> Result<()> {
    let site = TestSite::start()?;
    let mut browser = Browser::superuser(&site, "ada")?;
    browser.get(LETTING)?;
    let sent = [
        ("title", "Pier House"),
        ("address", "1"),
        ("_beside", LETTING),
    ];

    let beside = browser.post(ADDRESS, &sent)?;
    let closed = send(
        &mut browser,
        ADDRESS,
        &beside,
        &[("number", "7"), ("_close", "")],
    )?;
    let back = arrive(&mut browser, &closed)?;

    assert_eq!(value(&back, "title"), "Pier House");
    let list = browser.get("/admin/lettings/address/")?.html()?;
    assert!(list.text().contains("0 addresses"), "{}", list.text());
    Ok(())
}

#[test]
fn a_change_of_the_chosen_row_is_no_conflict_with_the_form() -> Result<()> {
    for site in TestSite::on_each()? {
        letting(&mut site.database()?, "Pier House")?;
        let mut browser = Browser::superuser(&site, "ada")?;
        let change = "/admin/lettings/letting/1/change/";
        let opened = browser.get(change)?;
        let (form, version) = (opened.html()?, browser.version(change)?);
        let names = [
            "number",
            "street",
            "city",
            "state",
            "zip_code",
            "country_iso_code",
        ];
        let names = names.map(|name| format!("address-{name}"));
        let mut sent: Vec<(&str, String)> = Vec::new();
        sent.extend(names.iter().map(|name| (name.as_str(), value(&form, name))));
        sent.extend(
            [
                ("title", "Pier Cottage"),
                ("address", "1"),
                ("_version", &version),
            ]
            .map(|(name, value)| (name, value.to_owned())),
        );
        sent.push(("_beside", change.to_owned()));
        let sent: Vec<_> = sent
            .iter()
            .map(|(name, value)| (*name, value.as_str()))
            .collect();
        let address = "/admin/lettings/address/1/change/?_to_field=id&_popup=1";

        let beside = browser.post(address, &sent)?;
        let saved = send(&mut browser, address, &beside, &NEW)?;
        let back = arrive(&mut browser, &saved)?;

        assert_eq!(value(&back, "title"), "Pier Cottage");
        assert_eq!(value(&back, "address-street"), "Pier Road");
        let version = value(&back, "_version");
        let mut form: Vec<_> = names
            .iter()
            .map(|name| (name.as_str(), value(&back, name)))
            .collect();
        form.extend(
            [
                ("title", "Pier Cottage"),
                ("address", "1"),
                ("_version", &version),
                ("_save", ""),
            ]
            .map(|(name, value)| (name, value.to_owned())),
        );
        let form: Vec<_> = form
            .iter()
            .map(|(name, value)| (*name, value.as_str()))
            .collect();
        let stored = browser.post(change, &form)?;
        assert_eq!(stored.status, 303, "{}", stored.html()?.text());
    }
    Ok(())
}

#[test]
fn the_page_beside_is_about_the_row_that_is_chosen_by_now() -> Result<()> {
    let site = TestSite::start()?;
    let conn = &mut site.database()?;
    letting(conn, "Pier House")?;
    letting(conn, "Gull House")?;
    let mut browser = Browser::superuser(&site, "ada")?;
    browser.get(LETTING)?;
    let sent = [("address", "2"), ("_beside", LETTING)];

    let led = browser.post(
        "/admin/lettings/address/1/change/?_to_field=id&_popup=1",
        &sent,
    )?;
    let other = "/admin/lettings/address/2/change/?_to_field=id&_popup=1";
    let gone = browser.post(
        "/admin/lettings/address/9/change/?_to_field=id&_popup=1",
        &[("title", "Mine"), ("address", "9"), ("_beside", LETTING)],
    )?;

    assert_eq!((led.status, led.header("location")), (307, Some(other)));
    let back = arrive(&mut browser, &gone)?;
    assert_eq!(value(&back, "title"), "Mine");
    assert!(back.text().contains("There is no address with ID \"9\"."));
    Ok(())
}

#[test]
fn who_may_only_look_comes_back_to_what_was_typed() -> Result<()> {
    let site = TestSite::start()?;
    letting(&mut site.database()?, "Pier House")?;
    let rights = ["lettings.add_letting", "lettings.view_address"];
    let mut browser = Browser::staff(&site, "bob", &rights)?;
    browser.get(LETTING)?;
    let address = "/admin/lettings/address/1/change/?_to_field=id&_popup=1";
    let sent = [("title", "Mine"), ("address", "1"), ("_beside", LETTING)];

    let beside = browser.post(address, &sent)?;
    let closed = send(&mut browser, address, &beside, &[("_close", "")])?;

    assert!(
        beside
            .html()?
            .texts("h1")
            .contains(&"View address".to_owned())
    );
    assert_eq!(value(&arrive(&mut browser, &closed)?, "title"), "Mine");
    let no_right = browser.post(ADDRESS, &sent)?;
    assert_eq!(no_right.status, 403);
    Ok(())
}

#[test]
fn what_somebody_else_left_opens_for_nobody() -> Result<()> {
    let site = TestSite::start()?;
    let (mut ada, mut bob) = (
        Browser::superuser(&site, "ada")?,
        Browser::superuser(&site, "bob")?,
    );
    ada.get(LETTING)?;
    bob.get(LETTING)?;
    let sent = [("title", "Of ada"), ("_beside", LETTING)];

    let beside = ada.post(ADDRESS, &sent)?;
    let closed = send(&mut bob, ADDRESS, &beside, &[("_close", "")])?;
    let back = arrive(&mut bob, &closed)?;
    let elsewhere = ada.post(
        ADDRESS,
        &[("_beside", "https://evil.example/"), ("title", "x")],
    )?;

    assert_eq!(value(&back, "title"), "");
    assert!(!elsewhere.text()?.contains("evil.example"));
    Ok(())
}
