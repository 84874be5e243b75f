//! Two-factor authentication: setup, login, recovery.

use super::reauth::make_stale;
use super::{Browser, PASSWORD, hidden, superuser};
use crate::support::{
    TestSite, assert_contains, assert_contains_all, assert_header, assert_redirect,
};
use accounts::{SecondFactor, User, totp};
use anyhow::{Context, Result};
use chrono::Utc;
use data_encoding::BASE32_NOPAD;

pub(super) const PATH: &str = "/admin/two_factor/";
pub(super) const CODE: &str = "/admin/login/code/";

/// A second factor, as the authenticator app has it.
pub(crate) struct App {
    secret: Vec<u8>,
    /// The recovery codes.
    pub(crate) recovery: Vec<String>,
}

impl App {
    /// Sets up two-factor authentication in a browser.
    pub(crate) fn set_up(browser: &mut Browser<'_>) -> Result<Self> {
        let page = browser.get(PATH)?;
        let app = Self {
            secret: key(&page.html()?)?,
            recovery: Vec::new(),
        };
        let sealed = hidden(&page.text()?, "secret").context("the page keeps no secret")?;
        let code = app.code(0);
        let fields = [("action", "on"), ("secret", &sealed), ("code", &code)];
        let done = browser.post(PATH, &fields)?;
        anyhow::ensure!(done.status == 200, "rejected: {}", done.text()?);
        let recovery = done.html()?.texts("code");
        let file = format!(
            "href=\"data:text/plain,{}%0A\" download=",
            recovery.join("%0A")
        );
        assert_contains(&done.text()?, &file);
        Ok(Self { recovery, ..app })
    }

    /// The code this many half minutes from now: each code works once, and the next one is valid already.
    pub(crate) fn code(&self, later: i64) -> String {
        totp::code(&self.secret, totp::step(Utc::now().naive_utc()) + later)
    }
}

/// The key on the setup page, to be typed into an app.
fn key(page: &crate::html::Html) -> Result<Vec<u8>> {
    let text = page.first("code").text().replace(' ', "");
    Ok(BASE32_NOPAD.decode(text.as_bytes())?)
}

#[test]
fn two_factor_is_active_after_the_first_correct_code() -> Result<()> {
    for site in TestSite::on_each()? {
        let mut browser = Browser::superuser(&site, "ada")?;
        let id = User::find_by_username(&mut site.database()?, "ada")?.id;
        let has_factor =
            || Ok::<_, anyhow::Error>(SecondFactor::find(&mut site.database()?, id)?.is_some());

        let page = browser.get(PATH)?;
        let sealed = hidden(&page.text()?, "secret").context("the page keeps no secret")?;
        let fields = [("action", "on"), ("secret", &*sealed), ("code", "000")];
        let wrong = browser.post(PATH, &fields)?;
        let before = has_factor()?;
        let app = App::set_up(&mut browser)?;

        assert!(page.text()?.contains("<svg"));
        let secret = BASE32_NOPAD.encode(&key(&page.html()?)?);
        let uri = "otpauth://totp/Holiday%20Homes:ada?secret=";
        assert!(page.html()?.has_link(
            "open the app on this device",
            &format!("{uri}{secret}&issuer=Holiday%20Homes")
        ));
        assert_eq!(wrong.status, 422);
        let words = "The code does not match. Enter the code that the app shows now.";
        assert_contains(&wrong.page_text()?, words);
        assert_eq!(key(&wrong.html()?)?, key(&page.html()?)?);
        assert!(!before && has_factor()?);
        assert_eq!(app.recovery.len(), 10);
        let on = browser.page_text(PATH)?;
        let words = "You have 10 codes left.";
        assert_contains(&browser.page_text("/admin/account/")?, words);
        assert_contains_all(&on, "authentication is on | You have 10 codes left.");
        let history = browser.get(&format!("/admin/auth/user/{id}/history/"))?;
        assert_contains(&history.text()?, "Two-factor authentication turned on.");
    }
    Ok(())
}

#[test]
fn the_secret_of_another_user_is_rejected() -> Result<()> {
    let site = TestSite::start()?;
    let mut ada = Browser::superuser(&site, "ada")?;
    let mut bob = Browser::staff(&site, "bob", &[])?;
    let sealed = ada.hidden(PATH, "secret")?;
    bob.get(PATH)?;

    for secret in [&*sealed, "", "AAAA"] {
        let fields = [("action", "on"), ("secret", secret), ("code", "123456")];
        assert_eq!(bob.post(PATH, &fields)?.status, 400, "{secret}");
    }
    Ok(())
}

#[test]
fn with_two_factor_the_password_alone_is_not_enough() -> Result<()> {
    for site in TestSite::on_each()? {
        let app = App::set_up(&mut Browser::superuser(&site, "ada")?)?;
        let mut browser = Browser::new(&site);

        browser.get("/admin/login/?next=/admin/lettings/")?;
        let first = browser.post(
            "/admin/login/",
            &[
                ("username", "ada"),
                ("password", PASSWORD),
                ("next", "/admin/lettings/"),
            ],
        )?;
        let between = browser.get("/admin/")?.status;
        let path = first.header("location").unwrap_or_default().to_owned();
        let form = browser.get(&path)?;
        let next = hidden(&form.text()?, "next").unwrap_or_default();
        let used = browser.post(CODE, &[("code", &app.code(0)), ("next", &next)])?;
        let wrong = browser.post(CODE, &[("code", "abc"), ("next", &next)])?;
        let logged_in = browser.post(CODE, &[("code", &app.code(1)), ("next", &next)])?;

        assert_eq!(
            (first.status, path.as_str()),
            (303, "/admin/login/code/?next=/admin/lettings/")
        );
        assert_eq!(between, 302);
        assert_eq!(form.html()?.texts("h1"), ["Enter your code"]);
        for rejected in [used, wrong] {
            assert_eq!(rejected.status, 200);
            let text = rejected.page_text()?;
            assert_contains(&text, "The code is wrong or has already been used.");
        }
        assert_redirect(&logged_in, 303, "/admin/lettings/");
        assert_eq!(browser.get("/admin/")?.status, 200);
    }
    Ok(())
}

#[test]
fn a_recovery_code_works_once() -> Result<()> {
    let site = TestSite::start()?;
    let app = App::set_up(&mut Browser::superuser(&site, "ada")?)?;
    let mut browser = Browser::new(&site);

    let mut log_in = || {
        browser.log_in("ada", PASSWORD)?;
        browser.get(CODE)?;
        let done = browser.post(CODE, &[("code", &app.recovery[0]), ("next", "")])?;
        if done.status == 303 {
            let page = browser.get("/admin/logout/")?.text()?;
            assert_contains(&page, "You have 9 left.");
            browser.post("/admin/logout/", &[])?;
        }
        Ok::<_, anyhow::Error>(done.status)
    };

    assert_eq!((log_in()?, log_in()?), (303, 200));
    Ok(())
}

#[test]
fn codes_are_throttled() -> Result<()> {
    let site = TestSite::start()?;
    let app = App::set_up(&mut Browser::superuser(&site, "ada")?)?;
    let mut attacker = Browser::new(&site);
    attacker.log_in("ada", PASSWORD)?;
    attacker.get(CODE)?;
    for _ in 0..10 {
        assert_eq!(attacker.post(CODE, &[("code", "abc")])?.status, 200);
    }

    let throttled = attacker.post(CODE, &[("code", &app.code(1))])?;

    assert_eq!(throttled.status, 429);
    assert_eq!(throttled.header("retry-after"), Some("300"));
    Ok(())
}

#[test]
fn the_second_step_requires_the_correct_password() -> Result<()> {
    let site = TestSite::start()?;
    let app = App::set_up(&mut Browser::superuser(&site, "ada")?)?;
    let mut attacker = Browser::new(&site);
    attacker.log_in("ada", "wrong")?;

    let form = attacker.get(CODE)?;
    let sent = attacker.post(CODE, &[("code", &app.code(1)), ("next", "/admin/auth/")])?;

    for response in [&form, &sent] {
        assert_eq!(response.status, 303);
    }
    assert_eq!(form.header("location"), Some("/admin/login/"));
    assert_header(&sent, "location", "/admin/login/?next=/admin/auth/");
    Ok(())
}

#[test]
fn new_recovery_codes_and_turning_off_require_reauthentication() -> Result<()> {
    let site = TestSite::start()?;
    let mut browser = Browser::superuser(&site, "ada")?;
    let app = App::set_up(&mut browser)?;
    make_stale(&site)?;
    browser.get(PATH)?;

    let challenge = browser.post(PATH, &[("action", "codes")])?;
    let kept = hidden(&challenge.text()?, "_kept").context("nothing is kept")?;
    let mut confirm = |code: &str| {
        let credentials = [("_kept", &*kept), ("password", PASSWORD), ("code", code)];
        browser.post(PATH, &credentials)
    };
    let wrong = [confirm("abc")?, confirm("")?];
    let done = confirm(&app.code(1))?;
    let off = browser.post(PATH, &[("action", "off")])?;

    assert_eq!(challenge.html()?.texts("h1"), ["Confirm that it is you"]);
    for wrong in wrong {
        assert_contains(&wrong.page_text()?, "The password or code is wrong.");
    }
    let new = done.html()?.texts("code");
    assert!(new.len() == 10 && new != app.recovery);
    assert_contains(&browser.follow(&off)?, "Two-factor authentication is off.");
    assert_eq!(Browser::new(&site).log_in("ada", PASSWORD)?.status, 303);
    Ok(())
}

#[test]
fn superusers_must_set_up_required_two_factor() -> Result<()> {
    let site = TestSite::with(&[("REQUIRE_TOTP", "yes")])?;
    superuser(&mut site.database()?, "ada")?;
    let mut ada = Browser::new(&site);

    let logged_in = ada.log_in("ada", PASSWORD)?;
    let index = ada.get("/admin/")?;
    let form = ada.page_text(PATH)?;
    App::set_up(&mut ada)?;
    let mut bob = Browser::staff(&site, "bob", &[])?;

    assert_eq!(logged_in.header("location"), Some(PATH));
    assert_redirect(&index, 302, PATH);
    assert_contains(&form, "Superusers must use two-factor authentication.");
    assert_eq!(ada.get("/admin/")?.status, 200);
    assert_eq!(bob.get("/admin/")?.status, 200);
    Ok(())
}

#[test]
fn a_superuser_can_turn_off_two_factor_of_a_user_and_end_their_sessions() -> Result<()> {
    let site = TestSite::start()?;
    let mut ada = Browser::superuser(&site, "ada")?;
    let mut bob = Browser::staff(&site, "bob", &["auth.change_user", "auth.view_user"])?;
    App::set_up(&mut bob)?;
    let path = "/admin/auth/user/2/two_factor/";

    let page = ada.page(path)?;
    let done = ada.post(path, &[("action", "off")])?;
    let next = ada.follow(&done)?;

    assert_eq!(page.texts("h1"), ["Two-factor authentication: bob"]);
    assert_contains(&next, "Two-factor authentication of “bob” is off.");
    assert_eq!(bob.get("/admin/")?.status, 302);
    assert!(SecondFactor::find(&mut site.database()?, 2)?.is_none());
    let history = ada.page_text("/admin/auth/user/2/history/")?;
    assert_contains(&history, "Two-factor authentication turned off.");
    let mut carol = Browser::staff(&site, "carol", &["auth.change_user", "auth.view_user"])?;
    assert_eq!(carol.get(path)?.status, 403);
    assert_eq!(carol.post(path, &[("action", "off")])?.status, 403);
    Ok(())
}
