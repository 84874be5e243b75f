//! Restoring a deleted group with its members.

use accounts::{Group, User};
use anyhow::Result;

use crate::support::{TestSite, assert_contains, assert_contains_all, assert_contains_none};

use super::restore::{act, delete, delete_several, restore};
use super::{Browser, account};

#[test]
fn a_group_is_restored_with_its_remaining_members() -> Result<()> {
    for site in TestSite::on_each()? {
        let conn = &mut site.database()?;
        let editors = Group::insert(conn, &accounts::testing::group("editors"))?;
        let others = Group::insert(conn, &accounts::testing::group("others"))?;
        Group::set_permissions(conn, editors, &["lettings.view_letting".to_owned()])?;
        let [bob, carol] = ["bob", "carol"].map(|name| account(conn, name));
        let (bob, carol) = (bob?, carol?);
        User::set_groups(conn, bob, &[editors])?;
        User::set_groups(conn, carol, &[editors])?;
        let mut browser = Browser::superuser(&site, "ada")?;
        let group = format!("auth/group/{editors}");
        delete(&mut browser, &group)?;
        let lost = browser.get(&format!("/admin/auth/user/{bob}/history/"))?;
        User::set_groups(conn, bob, &[others])?;
        delete(&mut browser, &format!("auth/user/{carol}"))?;
        let deleted = browser.page_text("/admin/auth/group/deleted/")?;

        let done = restore(&mut browser, &group)?;

        let lost = lost.page_text()?;
        assert_contains_all(
            &lost,
            "Changed Groups. | editors → | Along with group “editors”",
        );
        // Only the group is deleted.
        assert_contains_none(&deleted, "bob");
        assert_contains_all(
            &done,
            "Restored group “editors”. | Restored the references of user “bob”. | \
             User “carol” was not restored in full: this user no longer exists.",
        );
        assert_eq!(User::groups(conn, bob)?, [editors, others]);
        let permissions = Group::permissions(conn, editors)?;
        assert_eq!(permissions, ["lettings.view_letting"]);
        let again = browser.get(&format!("/admin/auth/user/{bob}/history/"))?;
        let again = again.page_text()?;
        assert_contains(&again, "others → editors, others");
        let gone = browser.page_text(&format!("/admin/auth/user/{carol}/history/"))?;
        assert_contains(&gone, "Not restored.");

        User::set_groups(conn, bob, &[others])?;
        let act = act(&mut browser)?;
        let all = browser.fill_and_follow(&act, &[])?;
        assert_contains(&all, "Restored the references of user “bob”.");
        assert_eq!(User::groups(conn, bob)?, [editors, others]);
    }
    Ok(())
}

#[test]
fn without_permission_to_change_users_a_group_is_restored_without_members() -> Result<()> {
    let site = TestSite::start()?;
    let conn = &mut site.database()?;
    let editors = Group::insert(conn, &accounts::testing::group("editors"))?;
    let carol = account(conn, "carol")?;
    User::set_groups(conn, carol, &[editors])?;
    let permissions = ["auth.view_group", "auth.delete_group", "auth.add_group"];
    let mut bob = Browser::staff(&site, "bob", &permissions)?;
    let group = format!("auth/group/{editors}");
    delete(&mut bob, &group)?;

    let done = restore(&mut bob, &group)?;

    let words =
        "User “carol” was not restored in full: you do not have permission to change this user.";
    assert_contains(&done, words);
    assert!(User::groups(conn, carol)?.is_empty());
    Ok(())
}

#[test]
fn groups_deleted_together_are_restored_with_their_members() -> Result<()> {
    for site in TestSite::on_each()? {
        let conn = &mut site.database()?;
        let [a, b] = ["a", "b"].map(|name| Group::insert(conn, &accounts::testing::group(name)));
        let (a, b) = (a?, b?);
        let bob = account(conn, "bob")?;
        User::set_groups(conn, bob, &[a, b])?;
        let mut browser = Browser::superuser(&site, "ada")?;
        delete_several(
            &mut browser,
            "auth/group",
            &[&a.to_string(), &b.to_string()],
        )?;
        let history = browser.page_text(&format!("/admin/auth/user/{bob}/history/"))?;
        let act = act(&mut browser)?;

        let page = browser.page(&act)?;
        let all = browser.post(&act, &[])?;

        assert_contains_all(&history, "a, b → b | b →");
        assert_eq!(page.texts("h1"), ["Deleted 2 groups"]);
        assert_eq!(all.status, 303);
        assert_eq!(User::groups(conn, bob)?, [a, b]);
    }
    Ok(())
}
