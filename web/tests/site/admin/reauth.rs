//! Re-authentication before sensitive actions; no submitted form is lost.

use accounts::{Group, User};
use anyhow::{Context, Result};
use diesel::RunQueryDsl;

use crate::http::Response;
use crate::support::{TestSite, assert_header, pairs};

use super::{Browser, PASSWORD, USER_FORM, account, action_form, hidden, new_user, value, with};

const TITLE: &str = "Confirm that it is you";

/// Makes every authentication on a site too old for sensitive actions.
pub(crate) fn make_stale(site: &TestSite) -> Result<()> {
    let conn = &mut site.database()?;
    diesel::sql_query("UPDATE sessions SET proved_at = '2026-01-02 03:04:05'").execute(conn)?;
    Ok(())
}

fn confirm(
    browser: &mut Browser<'_>,
    path: &str,
    challenge: &Response,
    password: &str,
) -> Result<Response> {
    let kept = hidden(&challenge.text()?, "_kept").context("nothing is kept")?;
    browser.post(path, &[("_kept", &kept), ("password", password)])
}

#[test]
fn setting_a_password_requires_reauthentication_and_never_shows_it() -> Result<()> {
    for site in TestSite::on_each()? {
        let mut ada = Browser::superuser(&site, "ada")?;
        let bob = account(&mut site.database()?, "bob")?;
        let before = User::find(&mut site.database()?, bob)?.password;
        make_stale(&site)?;
        let path = format!("/admin/auth/user/{bob}/password/");
        let form = [("password1", "New wave 77"), ("password2", "New wave 77")];

        ada.get(&path)?;
        let challenge = ada.post(&path, &form)?;
        let wrong = confirm(&mut ada, &path, &challenge, "guess")?;
        let between = User::find(&mut site.database()?, bob)?.password;
        let done = confirm(&mut ada, &path, &wrong, PASSWORD)?;
        let again = ada.post(&path, &form)?;

        assert_eq!(challenge.html()?.texts("h1"), [TITLE]);
        for page in [&challenge, &wrong] {
            assert!(!page.text()?.contains("wave"));
        }
        assert!(wrong.page_text()?.contains("Your password is incorrect."));
        assert_eq!(before, between);
        assert!(ada.follow(&done)?.contains("Password changed."));
        assert_ne!(User::find(&mut site.database()?, bob)?.password, before);
        assert_eq!(again.status, 303);
    }
    Ok(())
}

#[test]
fn going_back_shows_the_submitted_form() -> Result<()> {
    for site in TestSite::on_each()? {
        let mut ada = Browser::superuser(&site, "ada")?;
        let bob = account(&mut site.database()?, "bob")?;
        make_stale(&site)?;
        let mut cancel = |path: &str, form: &[(&str, &str)]| -> Result<_> {
            let challenge = ada.fill(path, form)?;
            let kept = hidden(&challenge.text()?, "_kept").context("nothing is kept")?;
            let back = ada.post(path, &[("_kept", &kept), ("_give_up", "1")])?;
            ada.page(back.header("location").context("it leads nowhere")?)
        };

        let change = format!("/admin/auth/user/{bob}/change/");
        let names = pairs("username=bob&first_name=Robert&is_staff=on");
        let changed = with(&USER_FORM, &names);
        let changed = cancel(&change, &changed)?;
        let new = cancel("/admin/auth/user/add/", &new_user("carol"))?;

        assert_eq!(changed.texts("h1"), ["Change user"]);
        assert_eq!(value(&changed, "first_name"), "Robert");
        assert_eq!(value(&new, "username"), "carol");
        assert!(!new.source().contains(PASSWORD));
        let stored = User::find(&mut site.database()?, bob)?;
        assert!(stored.first_name.is_empty() && !stored.is_staff);
    }
    Ok(())
}

#[test]
fn changing_permissions_requires_reauthentication_but_a_name_does_not() -> Result<()> {
    let site = TestSite::start()?;
    let mut ada = Browser::superuser(&site, "ada")?;
    let bob = account(&mut site.database()?, "bob")?;
    make_stale(&site)?;
    let path = format!("/admin/auth/user/{bob}/change/");
    let fields = |more: &[(&'static str, &'static str)]| {
        let names = [("username", "bob"), ("first_name", "Robert"), ("_save", "")];
        with(&USER_FORM, &[&names[..], more].concat())
    };

    let plain = ada.fill(&path, &fields(&[]))?;
    let challenge = ada.fill(
        &path,
        &fields(&pairs("is_staff=on&user_permissions=lettings.view_letting&user_permissions=lettings.add_letting")),
    )?;
    let before = User::find(&mut site.database()?, bob)?;
    let done = confirm(&mut ada, &path, &challenge, PASSWORD)?;

    assert_eq!(plain.status, 303);
    assert_eq!(challenge.html()?.texts("h1"), [TITLE]);
    assert!(before.first_name == "Robert" && !before.is_staff);
    assert!(ada.follow(&done)?.contains("Changed user “bob”."));
    let conn = &mut site.database()?;
    assert!(User::find(conn, bob)?.is_staff);
    assert_eq!(
        User::permissions(conn, bob)?,
        ["lettings.add_letting", "lettings.view_letting"]
    );
    Ok(())
}

#[test]
fn every_sensitive_action_requires_reauthentication() -> Result<()> {
    let site = TestSite::start()?;
    let mut ada = Browser::superuser(&site, "ada")?;
    let conn = &mut site.database()?;
    let bob = account(conn, "bob")?;
    make_stale(&site)?;
    ada.get("/admin/")?;
    let id = bob.to_string();

    let factor = format!("/admin/auth/user/{bob}/two_factor/");
    let delete = format!("/admin/auth/user/{bob}/delete/");
    let history = format!("/admin/auth/user/{bob}/history/");
    let group = pairs("name=editors&permissions=lettings.view_letting");
    let user = format!("/admin/auth/user/{bob}/change/");
    let form = with(&USER_FORM, &[("username", "bob")]);
    // hexpm/hexpm#1403, getsentry/sentry#3919, marcjazz/authkestra#382.
    let actions: [(&str, &[(&str, &str)]); 12] = [
        ("/admin/two_factor/", &[("action", "on")]),
        (
            "/admin/auth/user/",
            &[
                ("action", "edit_selected"),
                ("_selected_action", &*id),
                ("_field", "is_active"),
                ("_count", "1"),
            ],
        ),
        ("/admin/sessions/", &[("end", "others")]),
        (&user, &with(&USER_FORM, &[("username", "robert")])),
        (&user, &with(&form, &[("email", "bob@example.org")])),
        (&user, &with(&form, &[("is_active", "")])),
        (&factor, &[("action", "off")]),
        (&delete, &[("post", "yes")]),
        ("/admin/auth/user/", &action_form("delete_selected", &id)),
        ("/admin/auth/user/add/", &new_user("carol")),
        ("/admin/auth/group/add/", &group),
        (&history, &[("restore", "1")]),
    ];
    for (path, fields) in actions {
        let response = ada.post(path, fields)?;

        assert_eq!(response.html()?.texts("h1"), [TITLE], "{path}");
    }

    assert!(User::find(conn, bob)?.is_active);
    assert!(User::find_by_username(conn, "carol").is_err());
    assert!(Group::all(conn)?.is_empty());
    let (path, fields) = actions[1];
    let challenge = ada.post(path, fields)?;
    let done = confirm(&mut ada, path, &challenge, PASSWORD)?;
    assert!(ada.follow(&done)?.contains("Changed 1 user."));
    assert!(!User::find(conn, bob)?.is_active);
    Ok(())
}

#[test]
fn a_sealed_form_is_valid_for_its_user_and_path_only() -> Result<()> {
    let site = TestSite::start()?;
    let mut ada = Browser::superuser(&site, "ada")?;
    let mut eve = Browser::superuser(&site, "eve")?;
    let bob = account(&mut site.database()?, "bob")?;
    make_stale(&site)?;
    let path = format!("/admin/auth/user/{bob}/delete/");
    ada.get(&path)?;
    let challenge = ada.post(&path, &[("post", "yes")])?;
    eve.get(&path)?;

    let theirs = confirm(&mut eve, &path, &challenge, PASSWORD)?;
    let elsewhere = confirm(&mut ada, "/admin/auth/user/1/delete/", &challenge, PASSWORD)?;
    let done = confirm(&mut ada, &path, &challenge, PASSWORD)?;

    assert_eq!((theirs.status, elsewhere.status), (400, 400));
    assert!(ada.follow(&done)?.contains("Deleted user “bob”."));
    Ok(())
}

#[test]
fn reauthentication_and_current_password_are_throttled() -> Result<()> {
    let site = TestSite::start()?;
    let mut ada = Browser::superuser(&site, "ada")?;
    make_stale(&site)?;
    let change = "/admin/password_change/";
    let guess = pairs("old_password=guess&new_password1=New wave 77&new_password2=New wave 77");
    ada.get(change)?;
    for _ in 0..10 {
        assert_eq!(ada.post(change, &guess)?.status, 422);
    }

    let throttled = ada.post(change, &guess)?;
    let delete = "/admin/auth/user/1/delete/";
    let challenge = ada.post(delete, &[("post", "yes")])?;
    let confirmed = confirm(&mut ada, delete, &challenge, PASSWORD)?;

    for response in [&throttled, &confirmed] {
        assert_eq!(response.status, 429);
        assert_header(response, "retry-after", "300");
        assert!(response.page_text()?.contains("Too many attempts."));
    }
    Ok(())
}
