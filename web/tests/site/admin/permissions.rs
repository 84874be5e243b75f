//! Permissions: what is not allowed is neither shown nor done.

use super::permission_rows::denied_actions;
use super::restore::{act, delete};
use super::{ADDRESS_FORM, Browser, USER_FORM, account, superuser, with};
use crate::support::{TestSite, assert_contains, assert_contains_none, assert_redirect};
use accounts::{Group, User};
use anyhow::Result;
use lettings::Letting;

#[test]
fn index_without_permissions_has_a_message() -> Result<()> {
    let site = TestSite::start()?;

    let index = Browser::staff(&site, "bob", &[])?.page_text("/admin/")?;

    let words = "You don't have permission to view or edit anything.";
    assert_contains(&index, words);
    Ok(())
}

#[test]
fn a_cascade_requires_permission_to_delete_every_object() -> Result<()> {
    let site = TestSite::with_letting()?;
    let mut browser = Browser::staff(
        &site,
        "bob",
        &["lettings.view_address", "lettings.delete_address"],
    )?;
    let path = "/admin/lettings/address/1/delete/";

    let page = browser.page(path)?;
    let denied = browser.post(path, &[("post", "yes")])?;

    assert_eq!(page.texts("h1"), ["Cannot delete address"]);
    assert!(page.text().contains("letting") && !page.text().contains("Yes, delete"));
    assert_eq!(denied.status, 403);
    let words = "This requires the permission “lettings · letting · delete”.";
    assert_contains(&denied.page_text()?, words);
    assert_eq!(Letting::count(&mut site.database()?)?, 1);
    Ok(())
}

#[test]
fn users_who_may_only_add_return_to_the_index() -> Result<()> {
    let site = TestSite::start()?;
    let mut browser = Browser::staff(&site, "bob", &["lettings.add_address"])?;
    let path = "/admin/lettings/address/add/";

    let buttons = browser.page(path)?.texts("button");
    let added = browser.post(path, &with(&ADDRESS_FORM, &[("_continue", "")]))?;

    assert!(
        buttons
            .iter()
            .any(|button| button == "Save and add another")
    );
    assert!(
        buttons
            .iter()
            .all(|button| button != "Save and continue editing")
    );
    assert_redirect(&added, 303, "/admin/");
    assert_contains(&browser.follow(&added)?, "Added address");
    Ok(())
}

#[test]
fn forbidden_action_names_its_permission() -> Result<()> {
    let site = TestSite::with_letting()?;
    let mut browser = Browser::staff(&site, "bob", &["lettings.view_letting"])?;
    browser.get("/admin/lettings/letting/")?;

    for (action, verb) in [("edit_selected", "change"), ("delete_selected", "delete")] {
        let fields = [("action", action), ("_selected_action", "1")];
        let denied = browser.post("/admin/lettings/letting/", &fields)?;

        let words = format!("This requires the permission “lettings · letting · {verb}”.");
        assert_contains(&denied.page_text()?, &words);
    }
    Ok(())
}

#[test]
fn permissions_that_the_user_lacks_are_disabled_and_kept() -> Result<()> {
    let site = TestSite::start()?;
    let conn = &mut site.database()?;
    let group = Group::insert(conn, &accounts::testing::group("editors"))?;
    let codes = ["lettings.view_letting".to_owned()];
    Group::set_permissions(conn, group, &codes)?;
    let carol = account(conn, "carol")?;
    User::set_permissions(conn, carol, &codes)?;
    User::set_groups(conn, carol, &[group])?;
    let mut bob = Browser::staff(&site, "bob", &["auth.view_user", "auth.change_user"])?;
    let path = format!("/admin/auth/user/{carol}/change/");

    let page = bob.page(&path)?;
    let label = page.attribute_of("input", "checked disabled", "aria-label");
    let name = "type=\"hidden\" name=\"user_permissions\"";
    let kept = page
        .attribute_of("input", name, "value")
        .unwrap_or_default();
    let group = group.to_string();
    let fields = [
        ("username", "carol"),
        ("first_name", "Carol"),
        ("groups", &group),
        ("user_permissions", &kept),
    ];
    let saved = bob.fill(&path, &with(&USER_FORM, &fields))?;

    assert_eq!(label.as_deref(), Some("lettings · letting · view"));
    let words = "Lettings Lettings View also from group editors";
    assert_contains(&page.text(), words);
    assert_eq!(saved.status, 303);
    assert_eq!(User::find(conn, carol)?.first_name, "Carol");
    assert_eq!(User::permissions(conn, carol)?, codes);
    Ok(())
}

#[test]
fn add_permission_alone_shows_no_list() -> Result<()> {
    let site = TestSite::start()?;
    let mut browser = Browser::staff(&site, "bob", &["lettings.add_address", "auth.add_user"])?;
    let fields = with(&ADDRESS_FORM, &[("_save", "")]);

    let added = browser.fill("/admin/lettings/address/add/", &fields)?;
    let index = browser.page("/admin/")?;
    let form = browser.page("/admin/lettings/address/add/")?;

    assert_eq!(added.header("location"), Some("/admin/"));
    for link in form.links() {
        if link.href.starts_with("/admin/") {
            assert_eq!(browser.get(&link.href)?.status, 200, "{}", link.href);
        }
    }
    assert!(index.text().contains("Added address “12 Gull Lane”."));
    assert_contains_none(index.source(), "\"/admin/lettings/address/\"");
    for path in "/admin/lettings/address/ /admin/auth/user/ /admin/auth/user/add/".split(' ') {
        assert_eq!(browser.get(path)?.status, 403, "{path}");
    }
    let action = browser.post("/admin/profiles/profile/", &[("action", "")])?;
    assert_eq!(action.status, 403);
    Ok(())
}

#[test]
fn users_with_more_permissions_cannot_be_renamed_deleted_or_given_a_password() -> Result<()> {
    for site in TestSite::on_each()? {
        let conn = &mut site.database()?;
        let root = superuser(conn, "root")?;
        let editor = account(conn, "carol")?;
        User::set_permissions(conn, editor, &["lettings.view_letting".to_owned()])?;
        let permissions = ["auth.view_user", "auth.change_user", "auth.delete_user"];
        let mut browser = Browser::staff(&site, "bob", &permissions)?;

        for id in [root, editor] {
            let form = with(&USER_FORM, &[("username", "taken-over")]);
            let changed = browser.fill(&format!("/admin/auth/user/{id}/change/"), &form)?;
            let deleted = browser.post(
                &format!("/admin/auth/user/{id}/delete/"),
                &[("post", "yes")],
            )?;
            let question = browser.page(&format!("/admin/auth/user/{id}/delete/"))?;
            let password = browser.get(&format!("/admin/auth/user/{id}/password/"))?;

            assert_eq!(
                (changed.status, deleted.status, password.status),
                (422, 403, 403)
            );
            assert_eq!(question.texts("h1"), ["Cannot delete user"]);
        }
        assert!(
            User::find(conn, root)?.is_superuser && User::find(conn, editor)?.username == "carol"
        );
    }
    Ok(())
}

#[test]
fn names_of_users_with_more_permissions_can_be_changed() -> Result<()> {
    for site in TestSite::on_each()? {
        let conn = &mut site.database()?;
        let root = superuser(conn, "root")?;
        let mut browser = Browser::staff(&site, "bob", &["auth.view_user", "auth.change_user"])?;
        let path = format!("/admin/auth/user/{root}/change/");
        let form = |names: [&'static str; 2]| {
            let is_root = [("is_staff", "on"), ("is_superuser", "on")];
            let names = [("username", names[0]), ("first_name", names[1])];
            with(&USER_FORM, &[is_root, names].concat())
        };

        let page = browser.page(&path)?;
        let named = browser.fill(&path, &form(["root", "Augusta"]))?;
        let denied_before = denied_actions(conn)?;
        let renamed = browser.fill(&path, &form(["toor", "Agatha"]))?;
        // A password reset link would be sent there: saleor/saleor#2000, onepercentclub/bluebottle#3429.
        let mail = [("email", "bob@example.org")];
        let mail = browser.fill(&path, &with(&form(["root", "Augusta"]), &mail))?;

        let words = "This user has permissions that you don't have.";
        assert_contains(&page.text(), words);
        assert!(!page.text().contains("Reset password"));
        let statuses = [&named, &renamed, &mail].map(|response| response.status);
        assert_eq!(statuses, [303, 422, 422]);
        let again = renamed.html()?;
        let words = "Username cannot be changed: this user has permissions that you don't have.";
        assert_contains(&again.text(), words);
        assert!(again.source().contains("value=\"Agatha\""));
        assert_eq!(denied_actions(conn)?, denied_before + 2);
        let stored = User::find(conn, root)?;
        assert_eq!(
            [stored.username, stored.first_name, stored.email],
            ["root", "Augusta", ""]
        );
    }
    Ok(())
}

#[test]
fn a_deleted_choice_is_a_validation_error() -> Result<()> {
    let site = TestSite::start()?;
    let conn = &mut site.database()?;
    let bob = account(conn, "bob")?;
    let mut browser = Browser::superuser(&site, "ada")?;
    let denied_before = denied_actions(conn)?;

    for (field, value, label) in [
        ("groups", "987654", "Groups"),
        (
            "user_permissions",
            "lettings.fly_letting",
            "User permissions",
        ),
    ] {
        let form = with(&USER_FORM, &[("username", "bob"), (field, value)]);
        let response = browser.fill(&format!("/admin/auth/user/{bob}/change/"), &form)?;
        let text = response.page_text()?;
        let words = format!("{label}: select a valid choice.");
        assert_contains(&text, &words);
        assert_eq!(
            (response.status, denied_actions(conn)?),
            (422, denied_before)
        );
    }
    Ok(())
}

#[test]
fn link_to_add_a_user_requires_add_and_change_permission() -> Result<()> {
    let site = TestSite::start()?;
    let permissions = ["profiles.add_profile", "auth.add_user"];
    let mut bob = Browser::staff(&site, "bob", &permissions)?;
    let all = [&permissions[..], &["auth.change_user"]].concat();
    let mut carol = Browser::staff(&site, "carol", &all)?;
    let link = "/admin/auth/user/add/?_to_field=id&amp;_popup=1";

    let [bob, carol] = [&mut bob, &mut carol].map(|browser| {
        let page = browser.get("/admin/profiles/profile/add/")?.text()?;
        Ok::<_, anyhow::Error>(page.contains(link))
    });

    assert_eq!((bob?, carol?), (false, true));
    Ok(())
}

#[test]
fn a_change_set_shows_only_objects_that_the_user_may_view() -> Result<()> {
    let site = TestSite::with_letting()?;
    let mut root = Browser::superuser(&site, "ada")?;
    delete(&mut root, "lettings/address/1")?;
    let act = act(&mut root)?;
    let permissions = ["lettings.view_letting", "lettings.add_letting"];
    let mut bob = Browser::staff(&site, "bob", &permissions)?;
    let mut carol = Browser::staff(&site, "carol", &["auth.view_user"])?;

    let log = bob.get("/admin/log/")?.text()?;
    let page = bob.page(&act)?;
    let restored = bob.post(&act, &[])?;
    let other = carol.get(&act)?;

    assert_contains(&log, &act);
    assert_eq!(page.texts("h1"), ["Deleted 1 letting"]);
    let text = page.text();
    assert_contains(&text, "and 1 that you do not have permission to view");
    assert!(!text.contains("Gull Lane"), "{text}");
    assert!(!text.contains("Restore all"), "{text}");
    assert_eq!((restored.status, other.status), (403, 403));
    Ok(())
}
