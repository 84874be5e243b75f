//! Deletes and restores of more rows than are stored at one go.

use anyhow::{Context, Result};
use audit::AuditEntry;
use diesel::QueryResult;
use lettings::Letting;
use lettings::testing::{insert_letting, letting_draft};
use oc_core::DbConnection;

use crate::support::{TestSite, assert_contains, assert_contains_all, letting};

use super::restore::{act, delete_several};
use super::{Browser, hidden};

/// So many lettings, each with its address of the same id.
fn lettings_of(conn: &mut DbConnection, count: usize) -> QueryResult<()> {
    conn.write(|conn| {
        (1..=count).try_for_each(|number| letting(conn, &format!("Letting {number}")).map(drop))
    })
}

/// Deletes the first rows of a kind at one go, and gives the page of that act.
fn delete_first(browser: &mut Browser<'_>, model: &str, count: usize) -> Result<String> {
    let ids: Vec<String> = (1..=count).map(|id| id.to_string()).collect();
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    delete_several(browser, model, &ids)?;
    act(browser)
}

#[test]
fn of_many_rows_the_question_shows_a_thousand_and_counts_the_others() -> Result<()> {
    for site in TestSite::on_each()? {
        let conn = &mut site.database()?;
        lettings_of(conn, 1_010)?;
        let mut browser = Browser::superuser(&site, "ada")?;
        let list = "/admin/lettings/address/";
        let chosen = [("action", "delete_selected"), ("select_across", "1")];
        browser.get(list)?;

        let question = browser.post(list, &chosen)?;
        let shown = hidden(&question.text()?, "_shown").context("nothing was shown")?;
        let yes = [("post", "yes"), ("_shown", &shown)];
        let done = browser.post(list, &[&chosen[..], &yes].concat())?;

        let question = question.html()?;
        assert_eq!(question.texts("h1"), ["Delete 1010 addresses?"]);
        assert_contains_all(
            &question.text(),
            &[
                "1010 addresses",
                "1010 lettings",
                "and 10 more addresses",
                "and 10 more lettings",
            ],
        );
        let links = question.links();
        let rows = links.iter().filter(|link| link.href.ends_with("/change/"));
        assert_eq!(rows.count(), 2_000);
        assert!(browser.follow(&done)?.contains("Deleted 1010 addresses."));
        assert_eq!(Letting::count(conn)?, 0);
        for id in [1, 505, 1_010] {
            let line = AuditEntry::for_object(conn, "lettings.letting", id)?.remove(0);
            let cause =
                AuditEntry::find(conn, line.parent_id.context("it went along with nothing")?)?;
            assert_eq!(
                (&*cause.model, cause.object_id),
                ("lettings.address", Some(id))
            );
            assert_eq!(
                (&*line.title, line.change_set_id),
                (&*format!("Letting {id}"), cause.change_set_id)
            );
        }
    }
    Ok(())
}

#[test]
fn many_rows_come_back_as_they_were() -> Result<()> {
    for site in TestSite::on_each()? {
        let conn = &mut site.database()?;
        lettings_of(conn, 1_010)?;
        let address = Letting::with_address(conn, 1_010)?.1;
        let mut browser = Browser::superuser(&site, "ada")?;
        let act = delete_first(&mut browser, "lettings/address", 1_010)?;

        let page = browser.page(&act)?;
        let done = browser.post(&act, &[])?;

        assert_eq!(
            page.texts("h1"),
            ["Deleted 1010 addresses and 1010 lettings"]
        );
        assert!(page.text().contains("and 1020 more"));
        let done = browser.follow(&done)?;
        assert_contains_all(
            &done,
            &["Restored 1010 addresses.", "Restored 1010 lettings."],
        );
        assert_eq!(Letting::count(conn)?, 1_010);
        let (letting, restored) = Letting::with_address(conn, 1_010)?;
        assert_eq!((&*letting.title, restored), ("Letting 1010", address));
        for id in [1, 505, 1_010] {
            let line = AuditEntry::for_object(conn, "lettings.letting", id)?.pop();
            let line = line.context("it is not in the record")?;
            let cause =
                AuditEntry::find(conn, line.parent_id.context("it came along with nothing")?)?;
            assert_eq!(
                (&*line.action, &*cause.model, cause.object_id),
                ("restored", "lettings.address", Some(id))
            );
            assert_eq!(line.change_set_id, cause.change_set_id);
        }
    }
    Ok(())
}

#[test]
fn of_many_rows_that_break_a_rule_some_are_told() -> Result<()> {
    for site in TestSite::on_each()? {
        let conn = &mut site.database()?;
        lettings_of(conn, 30)?;
        let mut browser = Browser::superuser(&site, "ada")?;
        let act = delete_first(&mut browser, "lettings/letting", 30)?;
        for address_id in 2..=30 {
            insert_letting(conn, &letting_draft("Taken", address_id))?;
        }

        browser.get(&act)?;
        let answer = browser.post(&act, &[])?;

        let told = browser.follow(&answer)?;
        let taken = "Another letting already has this address.";
        assert_eq!(told.matches(taken).count(), 20, "{told}");
        assert_contains(&told, "There may be more errors.");
        assert_eq!(Letting::count(conn)?, 29);
    }
    Ok(())
}

#[test]
fn a_field_is_set_in_all_selected_rows_after_a_question() -> Result<()> {
    for site in TestSite::on_each()? {
        let conn = &mut site.database()?;
        lettings_of(conn, 3)?;
        let mut browser = Browser::superuser(&site, "ada")?;
        let path = "/admin/lettings/address/";
        let mut send = |more: &[(&str, &str)]| {
            let action = [("action", "edit_selected"), ("_selected_action", "1,2,3")];
            browser.get(path)?;
            browser.post(path, &[&action, more].concat())
        };
        let value = |state| [("_field", "state"), ("state", state)];

        let fields = send(&[])?.page_text()?;
        let wrong = send(&value("NVX"))?;
        let question = send(&value("NV"))?.page_text()?;
        let stale = send(&[&value("NV")[..], &[("_count", "2")]].concat())?.page_text()?;
        let unchanged = lettings::Address::states(conn)?;
        let done = send(&[&value("NV")[..], &[("_count", "3")]].concat())?;
        let told = browser.follow(&done)?;
        let mut viewer = Browser::staff(&site, "eve", &["lettings.view_address"])?;
        viewer.get(path)?;
        let refused = viewer.post(
            path,
            &[("action", "edit_selected"), ("_selected_action", "1")],
        )?;
        let log = AuditEntry::for_object(conn, "lettings.address", 2)?;

        assert_contains(&fields, "Set State Two letters, such as CA. Set");
        assert_eq!(wrong.status, 422);
        assert_contains(&wrong.page_text()?, "State must be exactly 2 characters");
        assert_contains(&question, "State: NV 3 addresses will be changed.");
        assert_contains(&stale, "Nothing has been saved yet.");
        assert_eq!(unchanged, ["CA"]);
        assert_contains(&told, "Changed 3 addresses.");
        assert_eq!(lettings::Address::states(conn)?, ["NV"]);
        assert_eq!((log.len(), refused.status), (1, 403));
        assert!(log[0].change_set_id.is_some());
    }
    Ok(())
}
