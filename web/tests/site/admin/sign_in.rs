//! Login, logout, and changing one's own password.

use accounts::User;
use anyhow::{Context, Result};

use super::{Browser, PASSWORD, account, hidden, staff, superuser, value};
use crate::support::{
    TestSite, assert_contains, assert_contains_all, assert_header, assert_redirect, pairs,
};

const INCORRECT_LOGIN: &str = "Incorrect username or password.";

#[test]
fn anonymous_visitors_are_redirected_to_login_and_back() -> Result<()> {
    for site in TestSite::on_each()? {
        staff(&mut site.database()?, "ada")?;
        let mut browser = Browser::new(&site);

        let sent = browser.get("/admin/password_change/?a=b c".replace(' ', "%20").as_str())?;
        let form = browser.get("/admin/login/?next=/admin/password_change/")?;
        let next = [
            ("username", "ada"),
            ("password", PASSWORD),
            ("next", "/admin/password_change/"),
        ];
        let logged_in = browser.post("/admin/login/", &next)?;

        let mut other = Browser::new(&site);
        let address = "/admin/login/?next=/admin/password_change/";
        other.get(address)?;
        let by_address = other.post(address, &next[..2])?;

        assert_header(&by_address, "location", "/admin/password_change/");
        assert_eq!(sent.status, 302);
        assert_header(
            &sent,
            "location",
            "/admin/login/?next=/admin/password_change/%3Fa%3Db%2520c",
        );
        assert_eq!(form.html()?.texts("h1"), ["Staff login"]);
        assert_redirect(&logged_in, 303, "/admin/password_change/");
        assert_contains(&browser.page_text("/admin/")?, "Signed in as ada");
        assert_header(&browser.get("/admin/login/")?, "location", "/admin/");
    }
    Ok(())
}

#[test]
fn every_failed_login_has_the_same_message() -> Result<()> {
    let site = TestSite::start()?;
    let conn = &mut site.database()?;
    account(conn, "visitor")?;
    staff(conn, "ada")?;

    for (username, password) in [
        ("nobody", PASSWORD),
        ("visitor", PASSWORD),
        ("ada", "wrong"),
        ("ADA", PASSWORD),
        ("ada\0", PASSWORD),
        ("", ""),
    ] {
        let response = Browser::new(&site).log_in(username, password)?;

        assert_eq!(response.status, 200, "{username:?}");
        assert_contains(&response.page_text()?, INCORRECT_LOGIN);
    }
    Ok(())
}

#[test]
fn logout_is_confirmed_and_ends_the_session() -> Result<()> {
    let site = TestSite::start()?;
    let mut browser = Browser::superuser(&site, "ada")?;
    let session = browser.cookies.clone();

    let asked = browser.get("/admin/logout/")?;
    let done = browser.post("/admin/logout/", &[])?;
    let again = browser.post("/admin/logout/", &[])?;
    browser.cookies = session;

    assert_eq!(asked.html()?.texts("h1"), ["Log out?"]);
    assert_eq!(done.html()?.texts("h1"), ["You have been logged out."]);
    assert_redirect(&again, 302, "/admin/login/?next=/admin/logout/");
    assert_eq!(browser.get("/admin/")?.status, 302);
    Ok(())
}

#[test]
fn admin_pages_are_never_cached_and_cookies_are_secure() -> Result<()> {
    let site = TestSite::with(&pairs(
        "PUBLIC_URL=https://homes.example&ALLOWED_HOSTS=homes.example,localhost",
    ))?;
    let public = [("Host", "homes.example")];

    let response = site.send("GET", "/admin/login/", &public)?;
    let at_home = site.get("/admin/login/")?;

    assert_eq!(response.header("cache-control"), Some("no-store"));
    let cookie = response.header("set-cookie").unwrap_or_default();
    assert_contains_all(
        cookie,
        "__Host-csrf= | HttpOnly | Secure | SameSite=Lax | Path=/",
    );
    let plain = at_home.header("set-cookie").unwrap_or_default();
    assert!(
        plain.starts_with("csrf=") && !plain.contains("Secure"),
        "over http at another host a browser would not keep it: {plain}"
    );
    Ok(())
}

#[test]
fn a_new_password_ends_all_other_sessions() -> Result<()> {
    let site = TestSite::start()?;
    let mut here = Browser::superuser(&site, "ada")?;
    let mut elsewhere = Browser::logged_in(&site, "ada")?;
    let form = |old, new, again| {
        [
            ("old_password", old),
            ("new_password1", new),
            ("new_password2", again),
        ]
    };

    let wrong = here.fill("/admin/password_change/", &form("guess", "xk7 q", "other"))?;
    let done = here.fill(
        "/admin/password_change/",
        &form(PASSWORD, "New wave 77", "New wave 77"),
    )?;

    let text = wrong.page_text()?;
    assert_contains_all(
        &text,
        "3 errors to correct | Your current password is incorrect. | \
         Password is too short: use at least 8 characters. | The passwords don't match.",
    );
    assert_contains(&here.follow(&done)?, "Your password has been changed.");
    assert_eq!(here.get("/admin/")?.status, 200);
    assert_eq!(elsewhere.get("/admin/")?.status, 302);
    let again = Browser::new(&site).log_in("ada", "New wave 77")?;
    assert_eq!(again.status, 303);
    Ok(())
}

#[test]
fn unavailable_session_store_is_an_error_page() -> Result<()> {
    let site = TestSite::start()?;
    let mut browser = Browser::superuser(&site, "ada")?;
    let mut conn = site.database()?;
    diesel::RunQueryDsl::execute(diesel::sql_query("DROP TABLE sessions"), &mut conn)?;

    let response = browser.get("/admin/")?;

    assert_eq!(response.status, 503);
    assert_header(&response, "retry-after", "5");
    assert_eq!(response.header("cache-control"), Some("no-store"));
    assert_eq!(response.html()?.texts("h1"), ["Temporarily unavailable"]);
    Ok(())
}

#[test]
fn a_temporary_password_must_be_changed_first() -> Result<()> {
    for site in TestSite::on_each()? {
        let conn = &mut site.database()?;
        let id = superuser(conn, "ada")?;
        User::set_must_change_password(conn, id, true)?;
        let mut browser = Browser::new(&site);
        let path = "/admin/password_change/";

        let logged_in = browser.log_in("ada", PASSWORD)?;
        let index = browser.get("/admin/")?;
        let add = browser.post("/admin/auth/group/add/", &[("name", "editors")])?;
        let out = browser.get("/admin/logout/")?.status;
        let form = browser.page(path)?;
        let fields = |new| {
            [
                ("old_password", PASSWORD),
                ("new_password1", new),
                ("new_password2", new),
            ]
        };
        let same = browser.post(path, &fields(PASSWORD))?;
        let done = browser.post(path, &fields("New wave 77"))?;

        assert_eq!(same.status, 422);
        assert!(same.text()?.contains("differs from the current one"));
        assert_eq!(logged_in.header("location"), Some(path));
        for response in [index, add] {
            assert_redirect(&response, 302, path);
        }
        assert_eq!(out, 200);
        assert!(form.text().contains("Choose a new password to continue."));
        assert!(browser.follow(&done)?.contains("Administration"));
        assert!(!User::find(conn, id)?.must_change_password);
    }
    Ok(())
}

#[test]
fn a_form_submitted_after_the_session_ended_is_kept_over_the_login() -> Result<()> {
    for site in TestSite::on_each()? {
        let mut ada = Browser::superuser(&site, "ada")?;
        account(&mut site.database()?, "bob")?;
        let form = "/admin/lettings/letting/add/?address=7";
        let anonymous = Browser::new(&site).post(form, &[])?;
        ada.get(form)?;
        let token = ada.token().to_owned();
        ada.post("/admin/logout/", &[])?;

        // The largest description: wagtail/wagtail#2199.
        let description = "%F0%9F%8F%96".repeat(5_000);
        let body = format!(
            "csrfmiddlewaretoken={token}&title=Pier+House&description={description}&_save="
        );
        let too_large = ada.send("POST", form, &format!("{body}{}", description.repeat(2)))?;
        let sent = ada.send("POST", form, &body)?;
        let kept = hidden(&sent.text()?, "_kept").context("it is not kept")?;
        let fields = [
            ("username", "ada"),
            ("password", PASSWORD),
            ("next", form),
            ("_kept", &*kept),
        ];
        let logged_in = ada.post("/admin/login/", &fields)?;
        let again = ada.page(form)?;
        let once = ada.page(form)?;

        assert_eq!(anonymous.status, 302);
        let page = sent.html()?;
        assert_eq!(sent.status, 403);
        let words = "Your session ended before your changes were saved.";
        assert_contains(&page.text(), words);
        assert!(!page.source().contains("Pier"), "it is sealed");
        assert_eq!(logged_in.header("location"), Some(form));
        assert_eq!(value(&again, "title"), "Pier House");
        assert_eq!(value(&once, "title"), "");
        assert_eq!(hidden(&too_large.text()?, "_kept"), None);
    }
    Ok(())
}

#[test]
fn forbidden_page_names_the_missing_permission() -> Result<()> {
    let site = TestSite::start()?;
    let mut bob = Browser::staff(&site, "bob", &["lettings.view_letting"])?;

    for (path, permission) in [
        ("/admin/lettings/letting/add/", "lettings · letting · add"),
        ("/admin/lettings/address/", "lettings · address · view"),
        (
            "/admin/lettings/letting/1/delete/",
            "lettings · letting · delete",
        ),
        ("/admin/auth/user/1/password/", "auth · user · change"),
        ("/admin/diagnostics/", "site · diagnostics · view"),
    ] {
        let response = bob.get(path)?;
        let page = response.html()?;

        assert_eq!(response.status, 403, "{path}");
        assert_eq!(page.texts("h1"), ["Forbidden"]);
        assert!(page.text().contains("You are logged in as bob."));
        assert_contains(&page.text(), permission);
        assert!(page.has_link("Home", "/admin/") && page.has_link("Log out", "/admin/logout/"));
    }
    Ok(())
}

#[test]
fn csrf_failure_is_explained() -> Result<()> {
    let site = TestSite::start()?;
    let mut ada = Browser::superuser(&site, "ada")?;
    let form = "/admin/lettings/letting/add/";

    for token in ["stale", &"0".repeat(64)] {
        ada.token = token.to_owned();
        let response = ada.post(form, &[("title", "x")])?;

        let page = response.html()?;
        assert_eq!(response.status, 403);
        assert_contains(&page.text(), "This form is out of date");
        assert!(page.has_link("Reload the page", form));
    }
    Ok(())
}
