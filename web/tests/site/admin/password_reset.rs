//! Password reset by email, and mails about account changes.

use accounts::User;
use anyhow::{Context, Result};
use mail::testing::SmtpServer;
use oc_core::testing::TestDb;

use super::{Browser, PASSWORD, USER_FORM, account, with};
use crate::support::{TestSite, assert_contains, assert_contains_none, assert_redirect, pairs};

fn staff(site: &TestSite, username: &str) -> Result<i64> {
    let conn = &mut site.database()?;
    let id = account(conn, username)?;
    User::set_staff(conn, id, true)?;
    let email = format!("UPDATE users SET email = '{username}@example.org' WHERE id = {id}");
    diesel::RunQueryDsl::execute(diesel::sql_query(email), conn)?;
    Ok(id)
}

#[test]
fn reset_link_works_once() -> Result<()> {
    for db in TestDb::each()? {
        let smtp = SmtpServer::start()?;
        let settings = [
            ("SMTP_URL", &*smtp.url()),
            ("MAIL_FROM", "Holiday Homes <site@example.org>"),
        ];
        let site = TestSite::on_with(db, &settings)?;
        let ada = staff(&site, "ada")?;
        let mut session = Browser::new(&site);
        session.log_in("ada", PASSWORD)?;
        User::set_must_change_password(&mut site.database()?, ada, true)?;
        let mut browser = Browser::new(&site);
        let form = "/admin/password_reset/";

        assert_contains(&browser.get("/admin/login/")?.text()?, form);
        for email in ["nobody@example.org", "ADA@example.org"] {
            browser.get(form)?;
            let sent = browser.post(form, &[("email", email)])?;
            assert_redirect(&sent, 303, "/admin/password_reset/done/");
        }
        let mail = smtp.receive()?.replace("=\n", "").replace("=3D", "=");
        let link = mail
            .split_whitespace()
            .find_map(|word| word.strip_prefix("https://homes.example"))
            .context("the mail has no link")?
            .to_owned();
        browser.get(&link)?;
        let new = pairs("new_password1=New wave 77&new_password2=New wave 77");
        let same = [("new_password1", PASSWORD), ("new_password2", PASSWORD)];
        let same = browser.post(&link, &same)?;
        let set = browser.post(&link, &new)?;
        let again = browser.post(&link, &new)?;

        assert_contains(&mail, "To: ada@example.org");
        assert_eq!(same.status, 422);
        assert_redirect(&set, 303, "/admin/reset/done/");
        assert_eq!(again.html()?.texts("h1"), ["This link doesn't work"]);
        assert_eq!(session.get("/admin/")?.status, 302);
        assert_contains(&smtp.receive()?, "Your password was changed");
        let login = Browser::new(&site).log_in("ada", "New wave 77")?;
        assert_eq!(login.status, 303);
    }
    Ok(())
}

#[test]
fn changed_email_address_notifies_the_old_one() -> Result<()> {
    let smtp = SmtpServer::start()?;
    let settings = [
        ("SMTP_URL", &*smtp.url()),
        ("MAIL_FROM", "site@example.org"),
    ];
    let site = TestSite::with(&settings)?;
    let bob = staff(&site, "bob")?;
    let mut ada = Browser::superuser(&site, "ada")?;
    let form = with(
        &USER_FORM,
        &[("username", "bob"), ("email", "new@example.org")],
    );

    ada.fill(&format!("/admin/auth/user/{bob}/change/"), &form)?;

    let mail = smtp.receive()?;
    assert_contains(&mail, "To: bob@example.org");
    assert_contains(&mail, "The email address of your account was changed");
    Ok(())
}

#[test]
fn without_a_mail_server_reset_is_unavailable() -> Result<()> {
    let site = TestSite::start()?;

    assert_eq!(site.get("/admin/password_reset/")?.status, 404);
    let login = site.get("/admin/login/")?.text()?;
    assert_contains_none(&login, "password_reset");
    Ok(())
}
