//! Users, groups and their passwords.

use accounts::Permissions;
use accounts::User;
use anyhow::Result;

use super::{Browser, PASSWORD, USER_FORM, account, new_user, with};
use crate::support::{TestSite, assert_contains, assert_contains_all};

#[test]
fn a_user_with_permissions_but_without_staff_status_is_pointed_out() -> Result<()> {
    let site = TestSite::start()?;
    let mut ada = Browser::superuser(&site, "ada")?;
    let carol = account(&mut site.database()?, "carol")?;
    let path = format!("/admin/auth/user/{carol}/change/");
    let form = [
        ("username", "carol"),
        ("user_permissions", "lettings.view_letting"),
    ];

    let without = ada.fill(&path, &with(&USER_FORM, &form))?;
    let without = ada.follow(&without)?;
    let staff = with(&form, &[("is_staff", "on")]);
    let with_status = ada.fill(&path, &with(&USER_FORM, &staff))?;
    let with_status = ada.follow(&with_status)?;

    let advice = "Turn on “Staff status”";
    assert_contains(&without, advice);
    assert!(!with_status.contains(advice));
    Ok(())
}

#[test]
fn a_user_is_added_in_two_steps() -> Result<()> {
    for site in TestSite::on_each()? {
        let mut browser = Browser::superuser(&site, "ada")?;
        let path = "/admin/auth/user/add/";
        let form = |name, one, two| [("username", name), ("password1", one), ("password2", two)];

        let refused = browser.fill(path, &form("ada", PASSWORD, PASSWORD))?;
        let wrong = browser
            .fill(path, &form("a b", "12345678", "1"))?
            .html()?
            .text();
        let added = browser.fill(path, &form("bob", PASSWORD, PASSWORD))?;
        let second = browser.follow(&added)?;

        assert_eq!(refused.status, 422);
        assert_contains(&refused.page_text()?, "That username is already taken.");
        assert_contains_all(
            &wrong,
            &[
                "Username can only contain letters, digits and @ . + - _",
                "Password is too common.",
                "Password can't be entirely numeric.",
                "The passwords don't match.",
            ],
        );
        assert_contains_all(
            &second,
            &["Personal info", "Permissions", "Dates", "Reset password"],
        );
        let bob = User::find_by_username(&mut site.database()?, "bob")?;
        assert!(bob.is_active && !bob.is_staff && bob.password.starts_with("$argon2id$"));
    }
    Ok(())
}

#[test]
fn a_password_set_by_staff_ends_the_users_sessions() -> Result<()> {
    let site = TestSite::start()?;
    let mut ada = Browser::superuser(&site, "ada")?;
    let mut bob = Browser::staff(&site, "bob", &[])?;
    let path = "/admin/auth/user/2/password/";

    let form = ada.page(path)?;
    let wrong = ada.post(path, &[("password1", ""), ("password2", "")])?;
    let done = ada.post(
        path,
        &[("password1", "New wave 77"), ("password2", "New wave 77")],
    )?;

    assert_eq!(form.texts("h1"), ["Change password: bob"]);
    assert!(wrong.page_text()?.contains("Password is required."));
    assert!(ada.follow(&done)?.contains("Password changed."));
    assert_eq!(bob.get("/admin/")?.status, 302);
    assert_contains(
        &ada.page_text("/admin/auth/user/2/history/")?,
        "Password changed.",
    );
    assert_eq!(ada.get("/admin/auth/user/99/password/")?.status, 303);
    Ok(())
}

#[test]
fn a_password_that_staff_set_is_temporary_unless_they_say_otherwise() -> Result<()> {
    let site = TestSite::start()?;
    let mut ada = Browser::superuser(&site, "ada")?;
    let bob = account(&mut site.database()?, "bob")?;
    let reset = format!("/admin/auth/user/{bob}/password/");
    let password = [("password1", "New wave 77"), ("password2", "New wave 77")];
    let must_change = |name: &str| {
        let user = User::find_by_username(&mut site.database()?, name)?;
        Ok::<_, anyhow::Error>(user.must_change_password)
    };

    for (path, fields, name) in [
        (&*reset, &password[..], "bob"),
        ("/admin/auth/user/add/", &new_user("carol"), "carol"),
    ] {
        let form = ada.get(path)?.text()?;
        assert!(form.contains("name=\"must_change_password\" type=\"checkbox\" checked"));
        let temporary = [fields, &[("must_change_password", "on")]].concat();
        assert_eq!(ada.post(path, &temporary)?.status, 303);
        assert!(must_change(name)?, "{path}");
    }
    ada.post(&reset, &password)?;
    assert!(!must_change("bob")?);
    Ok(())
}

#[test]
fn groups_give_permissions_and_deactivation_takes_them() -> Result<()> {
    for site in TestSite::on_each()? {
        let conn = &mut site.database()?;
        let bob = account(conn, "bob")?;
        let mut ada = Browser::superuser(&site, "ada")?;
        let group = [
            ("name", "editors"),
            ("permissions", "lettings.view_letting"),
            ("_save", ""),
        ];
        let mut user = with(
            &USER_FORM,
            &[
                ("username", "bob"),
                ("is_staff", "on"),
                ("groups", "1"),
                ("_save", ""),
            ],
        );
        let path = format!("/admin/auth/user/{bob}/change/");

        let added = ada.fill("/admin/auth/group/add/", &group)?;
        let text = ada.follow(&added)?;
        let on = ada.fill(&path, &user)?;
        let user_bob = User::find(conn, bob)?;
        let permissions = Permissions::for_user(conn, &user_bob)?;
        let mut theirs = Browser::logged_in(&site, "bob")?;
        let seen = theirs.get("/admin/lettings/letting/")?.status;
        user.retain(|(name, _)| *name != "is_active");
        ada.fill(&path, &user)?;

        assert_contains(&text, "Added group “editors”.");
        assert!(ada.follow(&on)?.contains("Changed user “bob”."));
        assert!(permissions.has("lettings.view_letting"));
        assert_eq!((seen, theirs.get("/admin/")?.status), (200, 302));
    }
    Ok(())
}

#[test]
fn users_can_delete_themselves_except_the_last_superuser() -> Result<()> {
    for site in TestSite::on_each()? {
        let mut ada = Browser::superuser(&site, "ada")?;
        let id = User::find_by_username(&mut site.database()?, "ada")?.id;
        let path = format!("/admin/auth/user/{id}/delete/");
        let list = "/admin/auth/user/";

        let rejected = ada.fill(&path, &[("post", "yes")])?.text()?;
        let selected = id.to_string();
        let bulk = [
            ("action", "delete_selected"),
            ("_selected_action", selected.as_str()),
            ("post", "yes"),
        ];
        let bulk = ada.post(list, &bulk)?.text()?;
        let stays = User::find(&mut site.database()?, id).is_ok();
        Browser::superuser(&site, "bob")?;
        let done = ada.fill(&path, &[("post", "yes")])?;

        let message = "The last active superuser must stay an active superuser.";
        assert!(rejected.contains(message), "{rejected}");
        assert!(bulk.contains(message), "{bulk}");
        assert!(stays);
        assert_eq!(done.status, 303);
        assert_eq!(ada.get("/admin/")?.status, 302);
    }
    Ok(())
}

#[test]
fn every_button_adds_the_user_and_leads_on() -> Result<()> {
    let site = TestSite::start()?;
    let mut browser = Browser::superuser(&site, "ada")?;
    let path = "/admin/auth/user/add/";
    let page = browser.page_text(path)?;

    let below = "You can continue editing below.";
    let another = "You can add another below.";
    for (button, label, name, to, words) in [
        ("_save", "Save", "bob", "/change/", below),
        (
            "_continue",
            "Save and continue editing",
            "carol",
            "/change/",
            below,
        ),
        (
            "_addanother",
            "Save and add another",
            "eve",
            "/add/",
            another,
        ),
    ] {
        let form = with(&new_user(name), &[(button, "")]);
        let added = browser.fill(path, &form)?;

        assert_contains(&page, label);
        assert!(
            added
                .header("location")
                .is_some_and(|page| page.ends_with(to)),
            "{button}"
        );
        let expected = format!("Added user “{name}”. {words}");
        assert_contains(&browser.follow(&added)?, &expected);
    }
    Ok(())
}
