//! Actions on selected objects of a list, or on all.

use anyhow::{Context, Result};
use diesel::RunQueryDsl;
use lettings::testing::{insert_letting, letting_draft};

use super::Browser;
use crate::support::{TestSite, assert_contains, assert_contains_all, letting};

#[test]
fn a_list_action_requires_an_action_and_a_selection() -> Result<()> {
    let site = TestSite::with_letting()?;
    let mut browser = Browser::superuser(&site, "ada")?;

    let row = ("_selected_action", "1");
    for (fields, words) in [
        (&[("action", ""), row][..], "Choose an action."),
        (&[("action", "explode"), row], "Choose an action."),
        (
            &[("action", "delete_selected")],
            "Select at least one item.",
        ),
    ] {
        let next = browser.fill_and_follow("/admin/lettings/letting/", fields)?;
        assert_contains(&next, words);
    }
    Ok(())
}

#[test]
fn selected_objects_are_exported_without_formulas() -> Result<()> {
    let site = TestSite::start()?;
    let conn = &mut site.database()?;
    letting(conn, "=1+1")?;
    letting(conn, "Flat, with \"view\"")?;
    let mut browser = Browser::superuser(&site, "ada")?;
    browser.get("/admin/lettings/letting/")?;

    let csv = browser.post(
        "/admin/lettings/letting/",
        &[("action", "export_selected"), ("select_across", "1")],
    )?;

    assert_eq!(csv.header("content-type"), Some("text/csv; charset=utf-8"));
    assert_contains_all(&csv.text()?, "\"Flat, with \"\"view\"\"\", | ,'=1+1,");
    Ok(())
}

#[test]
fn several_objects_are_deleted_after_confirmation() -> Result<()> {
    let site = TestSite::start()?;
    let conn = &mut site.database()?;
    let ids = [
        letting(conn, "One")?.to_string(),
        letting(conn, "Two")?.to_string(),
    ];
    letting(conn, "Not ticked")?;
    let mut browser = Browser::superuser(&site, "ada")?;
    let list = "/admin/lettings/address/";
    // As scripts for Django's lists submit it.
    let mut fields = vec![("action", "delete_selected"), ("select_across", "0")];
    fields.extend(ids.iter().map(|id| ("_selected_action", id.as_str())));
    browser.get(list)?;

    let question = browser.post(list, &fields)?.html()?;
    fields.push(("post", "yes"));
    let done = browser.post(list, &fields)?;

    assert_eq!(question.texts("h1"), ["Delete 2 addresses?"]);
    assert!(question.text().contains("2 lettings"));
    assert!(browser.follow(&done)?.contains("Deleted 2 addresses."));
    assert_eq!(lettings::Letting::count(conn)?, 1);
    Ok(())
}

#[test]
fn deleting_a_letting_offers_to_delete_its_address() -> Result<()> {
    let site = TestSite::with_letting()?;
    let mut browser = Browser::superuser(&site, "ada")?;

    let question = browser.page_text("/admin/lettings/letting/1/delete/")?;
    let fields = [("action", "delete_selected"), ("_selected_action", "1")];
    let both = browser.post("/admin/lettings/address/", &fields)?;

    assert_contains(&question, "The address stays. Delete the address too");
    assert_contains(&both.page_text()?, "1 address 1 letting");
    Ok(())
}

#[test]
fn a_confirmation_is_valid_only_for_what_it_showed() -> Result<()> {
    for site in TestSite::on_each()? {
        let conn = &mut site.database()?;
        for title in ["One", "Two"] {
            letting(conn, title)?;
        }
        let free = crate::support::address();
        let free = free.check().expect("the fixture keeps the rules");
        let free = lettings::Address::insert(conn, &free)?;
        let mut browser = Browser::superuser(&site, "ada")?;
        let list = "/admin/lettings/address/";
        browser.get(list)?;
        let whole = [("action", "delete_selected"), ("select_across", "1")];
        let question = browser.post(list, &whole)?.text()?;
        let shown = super::hidden(&question, "_shown").context("nothing is bound")?;
        letting(conn, "Three")?;
        insert_letting(conn, &letting_draft("Late", free))?;
        let yes = |shown| {
            let ticked = ["1", "2", "3"].map(|id| ("_selected_action", id));
            let rest = [
                ("action", "delete_selected"),
                ("post", "yes"),
                ("_shown", shown),
            ];
            [&ticked[..], &rest].concat()
        };

        let again = browser.post(list, &yes(&shown))?.text()?;
        let kept = lettings::Letting::count(conn)?;
        let shown = super::hidden(&again, "_shown").context("nothing is bound")?;
        let done = browser.post(list, &yes(&shown))?;

        assert!(question.contains("Delete 3 addresses?") && question.contains("2 lettings"));
        assert_contains(&again, "The items to delete have changed");
        assert_contains_all(&again, "3 lettings | Late");
        assert_eq!((kept, done.status), (4, 303));
        assert_eq!(lettings::Letting::count(conn)?, 1);
    }
    Ok(())
}

#[test]
fn archived_lettings_disappear_and_published_ones_return() -> Result<()> {
    for site in TestSite::on_each()? {
        let conn = &mut site.database()?;
        letting(conn, "One")?;
        letting(conn, "Two")?;
        let mut browser = Browser::superuser(&site, "ada")?;
        let list = "/admin/lettings/letting/";
        browser.get(list)?;
        let one = [("action", "archive_selected"), ("_selected_action", "1")];
        let both = [("action", "publish_selected"), ("select_across", "1")];

        let archived = browser.post(list, &one)?;

        assert_contains(&browser.follow(&archived)?, "Archived 1 letting.");
        assert_eq!(site.get("/lettings/1/")?.status, 404);
        assert!(!site.get("/lettings/")?.text()?.contains("/lettings/1/"));
        let history = browser.page("/admin/lettings/letting/1/history/")?;
        assert_contains(&history.text(), "Published → Archived");
        browser.get(list)?;
        let published = browser.post(list, &both)?;
        assert_contains(&browser.follow(&published)?, "Published 1 letting.");
        assert_eq!(site.get("/lettings/1/")?.status, 200);
        // As an earlier release may have stored it.
        diesel::sql_query("UPDATE lettings SET title = 'T\two' WHERE id = 2").execute(conn)?;
        let invalid = browser.post(list, &[("action", "archive_selected"), both[1]])?;
        let words = "Nothing was changed. Letting “T wo”: Title contains a character";
        assert_contains(&browser.follow(&invalid)?, words);
        assert_eq!(site.get("/lettings/1/")?.status, 200);
    }
    Ok(())
}
