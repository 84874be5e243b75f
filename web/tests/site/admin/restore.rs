//! Restoring deleted objects: with their ids and everything deleted with them, all or nothing.

use accounts::{Group, User};
use anyhow::{Context, Result};
use audit::AuditFilter;
use diesel::connection::SimpleConnection;
use lettings::{Address, Letting};
use oc_core::DbConnection;

use crate::support::{
    TestSite, assert_contains, assert_contains_all, letting, letting_in, profile,
};

use super::permission_rows::denied_actions;
use super::{Browser, USER_FORM, account, action_form, hidden, with};

/// Deletes an object with everything that depends on it.
pub(super) fn delete(browser: &mut Browser<'_>, row: &str) -> Result<()> {
    let path = format!("/admin/{row}/delete/");
    browser.get(&path)?;
    let response = browser.post(&path, &[("post", "yes")])?;
    anyhow::ensure!(response.status == 303, "{row}: {}", response.status);
    Ok(())
}

/// The versions of an object that its history offers to restore.
pub(super) fn versions(browser: &mut Browser<'_>, row: &str) -> Result<Vec<String>> {
    let page = browser.get(&format!("/admin/{row}/history/"))?.text()?;
    let buttons = page.split("name=\"restore\" value=\"").skip(1);
    let versions = buttons.filter_map(|rest| rest.split('"').next());
    Ok(versions.map(str::to_owned).collect())
}

/// Submits the last “Restore” in an object's history; returns the text of the next page.
pub(super) fn restore(browser: &mut Browser<'_>, row: &str) -> Result<String> {
    let versions = versions(browser, row)?;
    let last = versions.last().context("nothing to restore")?;
    let path = format!("/admin/{row}/history/");
    let response = browser.post(&path, &[("restore", last)])?;
    browser.follow(&response)
}

pub(super) fn delete_several(browser: &mut Browser<'_>, model: &str, ids: &[&str]) -> Result<()> {
    let path = format!("/admin/{model}/");
    let ids = ids.join(",");
    browser.get(&path)?;
    let response = browser.post(&path, &action_form("delete_selected", &ids))?;
    anyhow::ensure!(response.status == 303, "{model}: {}", response.status);
    Ok(())
}

/// The page of the last deletion, as the log links it.
pub(super) fn act(browser: &mut Browser<'_>) -> Result<String> {
    let log = browser.get("/admin/log/?action=deleted")?.text()?;
    let (_, rest) = log
        .split_once("class=\"aside\" href=\"")
        .context("the log links no change set")?;
    Ok(rest.split('"').next().unwrap_or_default().to_owned())
}

#[test]
fn an_address_is_restored_with_its_letting() -> Result<()> {
    for site in TestSite::on_each()? {
        let conn = &mut site.database()?;
        letting(conn, "Quay House")?;
        let id = letting(conn, "Pier House")?;
        let address = Letting::with_address(conn, id)?.1;
        let mut browser = Browser::superuser(&site, "ada")?;
        delete(&mut browser, "lettings/address/2")?;

        let too_early = restore(&mut browser, "lettings/letting/2")?;
        let done = restore(&mut browser, "lettings/address/2")?;

        assert_contains_all(
            &too_early,
            "Nothing was restored | Letting “Pier House”: Address: select a valid choice. | \
             Along with address “12 Gull Lane”",
        );
        assert_contains_all(
            &done,
            "Restored address “12 Gull Lane”. | Restored letting “Pier House”.",
        );
        let (letting, restored) = Letting::with_address(conn, id)?;
        assert_eq!((letting.title.as_str(), restored), ("Pier House", address));
        let history = browser.page("/admin/lettings/letting/2/history/")?;
        assert!(history.text().contains("Restored."));
    }
    Ok(())
}

#[test]
fn deletion_can_be_undone_from_its_message() -> Result<()> {
    for site in TestSite::on_each()? {
        let conn = &mut site.database()?;
        for title in ["Pier House", "Quay House"] {
            letting(conn, title)?;
        }
        let mut browser = Browser::superuser(&site, "ada")?;
        let mut undo = |ids: &[&str], text: &str| -> Result<()> {
            delete_several(&mut browser, "lettings/letting", ids)?;
            let list = browser.page("/admin/lettings/letting/")?;
            assert_contains(&list.text(), &format!("{text} Undo"));
            let action = list.attribute_of("form", "/admin/log/", "action");
            let action = action.or_else(|| list.attribute_of("form", "/history/", "action"));
            let entry = list.attribute_of("button", "restore", "value");
            let entry = entry.unwrap_or_default();
            let undone = browser.post(&action.unwrap_or_default(), &[("restore", &entry)])?;
            assert_contains(&browser.follow(&undone)?, "Restored");
            Ok(())
        };

        undo(&["1"], "Deleted letting “Pier House”.")?;
        undo(&["1", "2"], "Deleted 2 lettings.")?;

        assert_eq!(Letting::count(conn)?, 2);
    }
    Ok(())
}

#[test]
fn a_user_is_restored_with_profile_groups_and_permissions() -> Result<()> {
    for site in TestSite::on_each()? {
        let conn = &mut site.database()?;
        profile(conn, "carol")?;
        let carol = User::find_by_username(conn, "carol")?.id;
        let group = Group::insert(conn, &accounts::testing::group("editors"))?;
        User::set_groups(conn, carol, &[group])?;
        User::set_permissions(conn, carol, &["lettings.view_letting".to_owned()])?;
        let mut browser = Browser::superuser(&site, "ada")?;
        delete(&mut browser, &format!("auth/user/{carol}"))?;
        let gone = site.get("/profiles/carol/")?.status;

        let done = restore(&mut browser, &format!("auth/user/{carol}"))?;

        assert_eq!(gone, 404);
        assert_contains_all(&done, "Restored user “carol”. | Restored profile “carol”.");
        assert_eq!(User::groups(conn, carol)?, [group]);
        assert_eq!(User::permissions(conn, carol)?, ["lettings.view_letting"]);
        assert_eq!(site.get("/profiles/carol/")?.status, 200);
    }
    Ok(())
}

#[test]
fn a_bulk_deletion_is_restored_one_by_one_or_together() -> Result<()> {
    for site in TestSite::on_each()? {
        let conn = &mut site.database()?;
        for title in ["Pier House", "Quay House", "Surf Shack"] {
            letting_in(conn, title, "Brea")?;
        }
        let mut browser = Browser::superuser(&site, "ada")?;
        delete_several(&mut browser, "lettings/address", &["1", "2", "3"])?;

        let act = act(&mut browser)?;
        restore(&mut browser, "lettings/address/2")?;
        let alone = Letting::count(conn)?;
        let page = browser.page(&act)?;
        let all = browser.fill_and_follow(&act, &[])?;
        let again = browser.post(&act, &[])?;

        assert_eq!(alone, 1);
        assert_eq!(page.texts("h1"), ["Deleted 3 addresses and 3 lettings"]);
        assert!(page.text().contains("Restore all"));
        assert_contains(&all, "Restored 2 addresses. Restored 2 lettings.");
        assert!(all.contains("Restored: everything") && !all.contains("Restore all"));
        assert_eq!(Letting::count(conn)?, 3);
        assert!(browser.follow(&again)?.contains("Already restored."));
    }
    Ok(())
}

#[test]
fn cascaded_objects_are_restored_to_an_existing_parent() -> Result<()> {
    for site in TestSite::on_each()? {
        let conn = &mut site.database()?;
        let id = letting(conn, "Pier House")?;
        let mut browser = Browser::superuser(&site, "ada")?;
        delete(&mut browser, "lettings/address/1")?;
        let act = act(&mut browser)?;
        restore(&mut browser, "lettings/address/1")?;
        delete(&mut browser, "lettings/letting/1")?;

        let all = browser.fill_and_follow(&act, &[])?;
        let again = browser.post(&act, &[])?;
        let again = browser.follow(&again)?;

        assert_contains(&all, "Restored letting “Pier House”.");
        assert_eq!(Letting::with_address(conn, id)?.1.id, 1);
        assert_contains(&again, "Already restored.");
    }
    Ok(())
}

#[test]
fn if_one_object_is_invalid_nothing_is_restored() -> Result<()> {
    for site in TestSite::on_each()? {
        let conn = &mut site.database()?;
        for name in ["bob", "carol"] {
            profile(conn, name)?;
        }
        let [bob, carol] = ["bob", "carol"].map(|name| User::find_by_username(conn, name));
        let (bob, carol) = (bob?.id.to_string(), carol?.id.to_string());
        let mut browser = Browser::superuser(&site, "ada")?;
        delete_several(&mut browser, "auth/user", &[&bob, &carol])?;
        account(conn, "carol")?;
        let act = act(&mut browser)?;

        let next = browser.fill_and_follow(&act, &[])?;

        assert_contains(&next, "User “carol”: That username is already taken.");
        assert!(!next.contains("Profile “carol”:"), "{next}");
        assert!(User::find_by_username(conn, "bob").is_err());
        let log = browser.page_text("/admin/log/?action=restored")?;
        assert_contains(&log, "0 of");
    }
    Ok(())
}

#[test]
fn restoring_requires_permission_to_add_every_object() -> Result<()> {
    let site = TestSite::start()?;
    let conn = &mut site.database()?;
    letting(conn, "Pier House")?;
    let mut root = Browser::superuser(&site, "ada")?;
    delete(&mut root, "lettings/address/1")?;
    let version = root.hidden("/admin/lettings/address/1/history/", "restore")?;
    let permissions = ["lettings.view_address", "lettings.add_address"];
    let mut bob = Browser::staff(&site, "bob", &permissions)?;
    let all = [&permissions[..], &["lettings.add_letting"]].concat();
    let mut carol = Browser::staff(&site, "carol", &all)?;
    let path = "/admin/lettings/address/1/history/";

    let page = bob.get(path)?.text()?;
    let list = bob.get("/admin/lettings/address/deleted/")?.text()?;
    let refused = bob.post(path, &[("restore", &version)])?;
    let none = Address::states(conn)?;
    carol.get(path)?;
    let done = carol.post(path, &[("restore", &version)])?;

    assert!(hidden(&page, "restore").is_none() && hidden(&list, "restore").is_none());
    assert_eq!((refused.status, none), (403, vec![]));
    assert_eq!(done.status, 303);
    assert_eq!(Letting::count(conn)?, 1);
    Ok(())
}

#[test]
fn a_version_with_permissions_that_the_user_lacks_cannot_be_restored() -> Result<()> {
    for site in TestSite::on_each()? {
        let conn = &mut site.database()?;
        let mut root = Browser::superuser(&site, "root")?;
        let carol = account(conn, "carol")?;
        let path = format!("/admin/auth/user/{carol}/change/");
        let plain = with(&USER_FORM, &[("username", "carol")]);
        root.fill(&path, &[&plain[..], &[("is_superuser", "on")]].concat())?;
        root.fill(&path, &plain)?;
        let mut bob = Browser::staff(&site, "bob", &["auth.change_user"])?;
        // Version 0 is from before the first change.
        let version = versions(&mut bob, &format!("auth/user/{carol}"))?.remove(1);
        let denied_before = denied_actions(conn)?;

        let history = format!("/admin/auth/user/{carol}/history/");
        let refused = bob.post(&history, &[("restore", &version)])?;

        let next = bob.follow(&refused)?;
        assert_contains(&next, "Superuser status: select a valid choice.");
        assert!(!User::find(conn, carol)?.is_superuser);
        assert_eq!(denied_actions(conn)?, denied_before + 1);
    }
    Ok(())
}

#[test]
fn deleted_objects_are_listed_until_they_are_restored() -> Result<()> {
    for site in TestSite::on_each()? {
        letting(&mut site.database()?, "Pier House")?;
        let mut browser = Browser::superuser(&site, "ada")?;
        let path = "/admin/lettings/address/deleted/";
        let before = browser.page_text(path)?;
        delete(&mut browser, "lettings/address/1")?;

        let page = browser.get(path)?;
        let version = hidden(&page.text()?, "restore").context("nothing to restore")?;
        let text = page.page_text()?;
        browser.post(
            "/admin/lettings/address/1/history/",
            &[("restore", &version)],
        )?;
        let after = browser.page_text(path)?;

        assert_contains(&before, "No deleted addresses.");
        assert_contains_all(
            &text,
            "1 address | 12 Gull Lane | letting “Pier House” | ada",
        );
        assert_contains(&after, "No deleted addresses.");
        let list = browser.get("/admin/lettings/address/")?.text()?;
        assert!(list.contains(path));
        assert_eq!(browser.get(&format!("{path}?p=2"))?.status, 404);
    }
    Ok(())
}

#[test]
fn a_snapshot_from_before_a_field_existed_is_restored() -> Result<()> {
    for site in TestSite::on_each()? {
        let conn = &mut site.database()?;
        profile(conn, "carol")?;
        let carol = User::find_by_username(conn, "carol")?.id;
        let mut browser = Browser::superuser(&site, "ada")?;
        delete(&mut browser, &format!("auth/user/{carol}"))?;
        for (model, field) in [
            ("auth.user", "is_active"),
            ("auth.user", "last_name"),
            ("profiles.profile", "show_email"),
        ] {
            remove_from_snapshots(conn, model, field)?;
        }

        let done = restore(&mut browser, &format!("auth/user/{carol}"))?;

        assert_contains(&done, "Restored profile “carol”.");
        let carol = User::find(conn, carol)?;
        assert_eq!((carol.is_active, carol.last_name.as_str()), (true, ""));
    }
    Ok(())
}

/// Changes snapshots of deleted objects as if they had been taken before the field existed.
fn remove_from_snapshots(conn: &mut DbConnection, model: &str, field: &str) -> Result<()> {
    let filter = AuditFilter {
        model: Some(model.to_owned()),
        action: Some("deleted".to_owned()),
        ..AuditFilter::default()
    };
    for entry in filter.entries(conn, None, 0, 10)? {
        let mut snapshot: serde_json::Value = serde_json::from_str(&entry.before)?;
        let fields = snapshot.as_object_mut().context("not an object")?;
        fields.remove(field).context("no such field")?;
        conn.batch_execute(&format!(
            "UPDATE changes SET before = '{snapshot}' WHERE id = {}",
            entry.id
        ))?;
    }
    Ok(())
}
