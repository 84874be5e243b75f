//! Deleting and restoring more rows than fit in one batch.

use anyhow::{Context, Result};
use audit::AuditEntry;
use diesel::QueryResult;
use lettings::Letting;
use lettings::testing::{insert_letting, letting_draft};
use oc_core::DbConnection;

use crate::support::{TestSite, assert_contains, assert_contains_all, letting};

use super::restore::{act, delete_several};
use super::{Browser, hidden};

/// Inserts this many lettings, each with the address of the same id.
fn insert_lettings(conn: &mut DbConnection, count: usize) -> QueryResult<()> {
    conn.write(|conn| {
        (1..=count).try_for_each(|number| letting(conn, &format!("Letting {number}")).map(drop))
    })
}

#[test]
fn many_objects_are_counted_deleted_and_restored() -> Result<()> {
    for site in TestSite::on_each()? {
        let conn = &mut site.database()?;
        insert_lettings(conn, 1_010)?;
        let address = Letting::with_address(conn, 1_010)?.1;
        let mut browser = Browser::superuser(&site, "ada")?;
        let list = "/admin/lettings/address/";
        let chosen = [("action", "delete_selected"), ("select_across", "1")];
        browser.get(list)?;

        let question = browser.post(list, &chosen)?;
        let shown = hidden(&question.text()?, "_shown").context("nothing was shown")?;
        let yes = [("post", "yes"), ("_shown", &shown)];
        let deleted = browser.post(list, &[&chosen[..], &yes].concat())?;
        let next = browser.follow(&deleted)?;
        let left = Letting::count(conn)?;
        let deletion = last_entries(conn)?;
        let act = act(&mut browser)?;
        let page = browser.page(&act)?;
        let restored = browser.fill_and_follow(&act, &[])?;

        let question = question.html()?;
        assert_eq!(question.texts("h1"), ["Delete 1010 addresses?"]);
        assert_contains_all(
            &question.text(),
            "1010 lettings | and 10 more addresses | and 10 more lettings",
        );
        let links = question.links();
        let rows = links.iter().filter(|link| link.href.ends_with("/change/"));
        assert_eq!(rows.count(), 2_000);
        assert_contains(&next, "Deleted 1010 addresses.");
        assert_eq!(
            (left, deletion),
            (0, ["deleted"; 3].map(str::to_owned).to_vec())
        );
        let title = "Deleted 1010 addresses and 1010 lettings";
        assert_eq!(page.texts("h1"), [title]);
        assert_contains(&page.text(), "and 1020 more");
        assert_contains_all(
            &restored,
            "Restored 1010 addresses. | Restored 1010 lettings.",
        );
        assert_eq!(Letting::count(conn)?, 1_010);
        let (letting, restored) = Letting::with_address(conn, 1_010)?;
        assert_eq!((&*letting.title, restored), ("Letting 1010", address));
        assert_eq!(last_entries(conn)?, ["restored"; 3]);
    }
    Ok(())
}

/// The last actions on three lettings, each logged in the same change set as that on its address.
fn last_entries(conn: &mut DbConnection) -> Result<Vec<String>> {
    let mut actions = Vec::new();
    for id in [1, 505, 1_010] {
        let entry = AuditEntry::for_object(conn, "lettings.letting", id)?.pop();
        let entry = entry.context("it is not logged")?;
        let parent_id = entry.parent_id.context("it has no cause")?;
        let cause = AuditEntry::find(conn, parent_id)?;
        assert_eq!(
            (&*cause.model, cause.object_id),
            ("lettings.address", Some(id))
        );
        assert_eq!(entry.change_set_id, cause.change_set_id);
        actions.push(entry.action);
    }
    Ok(actions)
}

#[test]
fn only_the_first_invalid_objects_are_named() -> Result<()> {
    for site in TestSite::on_each()? {
        let conn = &mut site.database()?;
        insert_lettings(conn, 30)?;
        let mut browser = Browser::superuser(&site, "ada")?;
        let ids: Vec<String> = (1..=30).map(|id| id.to_string()).collect();
        let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
        delete_several(&mut browser, "lettings/letting", &ids)?;
        let act = act(&mut browser)?;
        for address_id in 2..=30 {
            insert_letting(conn, &letting_draft("Taken", address_id))?;
        }

        let next = browser.fill_and_follow(&act, &[])?;

        let taken = "Another letting already has this address.";
        assert_eq!(next.matches(taken).count(), 20, "{next}");
        assert_contains(&next, "There may be more errors.");
        assert_eq!(Letting::count(conn)?, 29);
    }
    Ok(())
}

#[test]
fn a_field_is_set_in_all_selected_objects_after_confirmation() -> Result<()> {
    for site in TestSite::on_each()? {
        let conn = &mut site.database()?;
        insert_lettings(conn, 3)?;
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
        let next = browser.follow(&done)?;
        let mut viewer = Browser::staff(&site, "eve", &["lettings.view_address"])?;
        viewer.get(path)?;
        let denied = viewer.post(
            path,
            &[("action", "edit_selected"), ("_selected_action", "1")],
        )?;
        let log = AuditEntry::for_object(conn, "lettings.address", 2)?;

        assert_contains(&fields, "Set State Two letters, such as CA. Set");
        assert_eq!(wrong.status, 422);
        assert_contains(&wrong.page_text()?, "State must be exactly 2 characters");
        assert_contains(&question, "State: NV 3 addresses will be changed.");
        assert_contains(&stale, "changed since you checked. Nothing has been saved.");
        assert_eq!(unchanged, ["CA"]);
        assert_contains(&next, "Changed 3 addresses.");
        assert_eq!(lettings::Address::states(conn)?, ["NV"]);
        assert_eq!((log.len(), denied.status), (1, 403));
        assert!(log[0].change_set_id.is_some());
    }
    Ok(())
}
