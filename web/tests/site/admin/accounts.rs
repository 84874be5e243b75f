//! Users, groups and their passwords.

use accounts::User;
use anyhow::Result;

use super::{Browser, USER_FORM, account, action_form, new_user, with};
use crate::support::{TestSite, assert_contains, assert_contains_all, pairs};

#[test]
fn a_user_with_permissions_but_without_staff_status_causes_a_warning() -> Result<()> {
    let site = TestSite::start()?;
    let mut ada = Browser::superuser(&site, "ada")?;
    let carol = account(&mut site.database()?, "carol")?;
    let path = format!("/admin/auth/user/{carol}/change/");
    let permission = ("user_permissions", "lettings.view_letting");
    let form = with(&USER_FORM, &[("username", "carol"), permission]);

    let without = ada.fill_and_follow(&path, &form)?;
    let with_status = ada.fill_and_follow(&path, &with(&form, &[("is_staff", "on")]))?;

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
        let weak = pairs("username=a b&password1=12345678&password2=1");

        let wrong = browser.fill(path, &weak)?;
        let second = browser.fill_and_follow(path, &new_user("bob"))?;

        assert_eq!(wrong.status, 422);
        assert_contains_all(
            &wrong.page_text()?,
            "Username can only contain letters, digits and @ . + - _ | Password is too common. | \
             Password can't be entirely numeric. | The passwords don't match.",
        );
        assert_contains_all(
            &second,
            "Personal info | Permissions | Dates | Reset password",
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
    let words = "Password changed.";
    assert_contains(&ada.page_text("/admin/auth/user/2/history/")?, words);
    assert_eq!(ada.get("/admin/auth/user/99/password/")?.status, 303);
    Ok(())
}

#[test]
fn a_password_set_by_staff_is_temporary_by_default() -> Result<()> {
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
fn users_can_delete_themselves_except_the_last_superuser() -> Result<()> {
    for site in TestSite::on_each()? {
        let mut ada = Browser::superuser(&site, "ada")?;
        let path = "/admin/auth/user/1/delete/";

        let rejected = ada.fill(path, &[("post", "yes")])?;
        let bulk = ada.post("/admin/auth/user/", &action_form("delete_selected", "1"))?;
        Browser::superuser(&site, "bob")?;
        let done = ada.fill(path, &[("post", "yes")])?;

        for response in [rejected, bulk] {
            let message = "The last active superuser must stay an active superuser.";
            assert_contains(&response.page_text()?, message);
        }
        assert_eq!((done.status, ada.get("/admin/")?.status), (303, 302));
    }
    Ok(())
}

#[test]
fn every_save_button_adds_the_user() -> Result<()> {
    let site = TestSite::start()?;
    let mut browser = Browser::superuser(&site, "ada")?;
    let path = "/admin/auth/user/add/";
    let page = browser.page(path)?;

    let (below, another) = ("continue editing below.", "add another below.");
    for (button, name, to, words) in [
        ("_save", "bob", "/change/", below),
        ("_continue", "carol", "/change/", below),
        ("_addanother", "eve", "/add/", another),
    ] {
        let added = browser.fill(path, &with(&new_user(name), &[(button, "")]))?;

        let location = added.header("location").unwrap_or_default();
        assert!(location.ends_with(to), "{button}");
        let expected = format!("Added user “{name}”. You can {words}");
        assert_contains(&browser.follow(&added)?, &expected);
    }
    let buttons = page.texts("button");
    for text in ["Save", "Save and continue editing", "Save and add another"] {
        assert!(buttons.iter().any(|button| button == text), "{buttons:?}");
    }
    Ok(())
}
