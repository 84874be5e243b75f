//! The form of a letting: preview, suggestions, and fields that older forms lack.

use anyhow::{Context, Result};
use audit::AuditEntry;
use lettings::LettingDraft;
use lettings::testing::{insert_address, insert_letting, letting_draft, photo};
use oc_core::admin::Resource;

use super::Browser;
use super::inline::{CHANGE, STORED, form_with};
use crate::support::{
    TestSite, address, assert_contains, assert_contains_all, assert_header, letting, profile,
};

const LETTING: Resource = lettings::admin::LETTING;
const PREVIEW: &str = "/admin/lettings/letting/1/preview/";

fn full_draft(host_id: Option<i64>, address_id: i64) -> LettingDraft {
    let text = str::to_owned;
    LettingDraft {
        status: text("draft"),
        summary: text("By the pier"),
        description: text("One.\n\nTwo."),
        kind: text("house"),
        sleeps: text("6"),
        bedrooms: text("3"),
        bathrooms: text("1.5"),
        price_from: text("240"),
        price_per: text("week"),
        min_nights: text("3"),
        pets: text("yes"),
        features: vec![text("pool")],
        permit: text("P1"),
        host_id,
        address_shown: false,
        ..letting_draft("Pier House", address_id)
    }
}

#[test]
fn staff_can_preview_a_draft() -> Result<()> {
    for site in TestSite::on_each()? {
        let conn = &mut site.database()?;
        let id = insert_address(conn, &address())?;
        insert_letting(conn, &full_draft(None, id))?;
        photo(conn, 1, "Sofa")?;
        let view = ["lettings.view_letting", "lettings.view_photo"];
        let mut viewer = Browser::staff(&site, "eve", &view)?;
        let mut unprivileged = Browser::staff(&site, "bob", &["lettings.view_address"])?;

        let form = viewer.page(CHANGE)?;
        let response = viewer.get(PREVIEW)?;

        assert!(form.has_link("Preview", PREVIEW) && !form.text().contains("View on site"));
        assert_header(&response, "cache-control", "private, no-store");
        let page = response.html()?;
        assert!(page.has_link("Back", CHANGE));
        assert_contains_all(
            &page.text(),
            "Draft: visitors can't see this page | Sleeps 6 | Dana Point",
        );
        assert_contains(page.source(), "<meta name=\"robots\" content=\"noindex\">");
        let source = page.attribute_of("img", "alt=\"Sofa\"", "src");
        let image = viewer.get(&source.context("a photo")?)?;
        assert_header(&image, "content-type", "image/webp");
        assert_eq!(site.get("/lettings/1/")?.status, 404);
        assert_eq!(site.get(PREVIEW)?.status, 302);
        assert_eq!(unprivileged.get(PREVIEW)?.status, 403);
        let other = viewer.get("/admin/lettings/letting/9/preview/")?;
        assert_eq!(other.status, 303);
    }
    Ok(())
}

#[test]
fn photos_and_address_columns_require_permissions() -> Result<()> {
    let site = TestSite::start()?;
    let conn = &mut site.database()?;
    let id = insert_address(conn, &address())?;
    insert_letting(conn, &full_draft(None, id))?;
    photo(conn, 1, "Sofa")?;
    let mut clerk = Browser::staff(&site, "eve", &["lettings.view_letting"])?;
    let mut ada = Browser::superuser(&site, "ada")?;
    let list = "/admin/lettings/letting/";

    let preview = clerk.page(PREVIEW)?;
    let file = clerk.get(&format!("{list}export/"))?.text()?;

    assert_contains(&preview.text(), "and you can't see its photos");
    for page in [&preview, &clerk.page(list)?] {
        assert!(!page.source().contains("photo/image"));
    }
    assert_contains(ada.page(list)?.source(), "photo/image");
    assert_contains(&file, ",features,address,address_shown,");
    assert!(!file.contains("Gull Lane"));
    Ok(())
}

#[test]
fn the_form_suggests_what_is_missing() -> Result<()> {
    let site = TestSite::start()?;
    let conn = &mut site.database()?;
    let id = insert_address(conn, &address())?;
    insert_letting(
        conn,
        &LettingDraft {
            price_from: String::new(),
            ..full_draft(None, id)
        },
    )?;
    let mut browser = Browser::superuser(&site, "ada")?;

    let text = browser.page_text(CHANGE)?;
    assert_contains(&text, "To help visitors, add a price and photos.");
    photo(conn, 1, "")?;
    photo(conn, 1, "")?;
    browser.fill(CHANGE, &form_with(&STORED, &[("price_from", "9")]))?;
    let text = browser.page_text(CHANGE)?;
    assert_contains(&text, "To help visitors, add 2 photo descriptions.");
    Ok(())
}

#[test]
fn a_form_with_only_the_old_fields_keeps_the_others() -> Result<()> {
    for site in TestSite::on_each()? {
        let conn = &mut site.database()?;
        let host = profile(conn, "AirWow")?;
        let id = insert_address(conn, &address())?;
        insert_letting(conn, &full_draft(Some(host), id))?;
        let before = LETTING.find(conn, 1)?;
        let mut browser = Browser::superuser(&site, "ada")?;
        browser.get(CHANGE)?;

        let fields = [("title", "Pier Villa"), ("address", "1"), ("_save", "")];
        assert_eq!(browser.post(CHANGE, &fields)?.status, 303);

        let after = LETTING.find(conn, 1)?.values;
        assert_eq!(after, before.values.with("title", "Pier Villa"));
    }
    Ok(())
}

#[test]
fn a_letting_stays_when_the_profile_of_its_host_is_deleted() -> Result<()> {
    for site in TestSite::on_each()? {
        let conn = &mut site.database()?;
        let host = profile(conn, "AirWow")?;
        let id = insert_address(conn, &address())?;
        insert_letting(conn, &full_draft(Some(host), id))?;
        let mut browser = Browser::superuser(&site, "ada")?;
        let delete = format!("/admin/profiles/profile/{host}/delete/");

        let question = browser.page(&delete)?;
        let shown = super::hidden(question.source(), "_shown").context("nothing was shown")?;
        browser.post(&delete, &[("post", "yes"), ("_shown", &shown)])?;

        let words = "1 letting will be kept, but without this profile.";
        assert_contains(&question.text(), words);
        assert_eq!(LETTING.find(conn, 1)?.values.text("host"), "");
    }
    Ok(())
}

#[test]
fn status_type_price_and_host_are_set_for_several_lettings() -> Result<()> {
    for site in TestSite::on_each()? {
        let conn = &mut site.database()?;
        letting(conn, "Pier House")?;
        letting(conn, "Sea Flat")?;
        let host = profile(conn, "AirWow")?;
        let mut browser = Browser::superuser(&site, "ada")?;
        let path = "/admin/lettings/letting/";
        let mut send = |more: &[(&str, &str)]| {
            let action = [("action", "edit_selected"), ("_selected_action", "1,2")];
            browser.get(path)?;
            browser.post(path, &[&action, more].concat())
        };

        let fields = send(&[])?.page_text()?;
        assert_contains(&fields, "Set Host optional None AirWow");
        let host_id = host.to_string();
        for (field, value, status) in [
            ("kind", "villa", 303),
            ("host", &*host_id, 303),
            ("price_from", "-300", 422),
            ("price_from", "300", 303),
            ("price_from", "", 303),
            ("price_from", "0250", 303),
            ("address_shown", "", 303),
        ] {
            let response = send(&[("_field", field), (field, value), ("_count", "2")])?;
            assert_eq!(response.status, status, "{field} {value}");
        }
        let fields = ["kind", "host", "price_from", "address_shown"];
        for id in [1, 2] {
            let values = LETTING.find(conn, id)?.values;
            let set = fields.map(|field| values.text(field));
            assert_eq!(set, ["villa", &host_id, "250", ""]);
        }
        let record = AuditEntry::for_object(conn, "lettings.letting", 2)?;
        assert_eq!(record.len(), 6);
    }
    Ok(())
}
