//! Staff log in with a second factor, with and without script.

use crate::support::{assert_contains, assert_contains_all};
use accounts::totp;
use anyhow::{Context, Result};
use chrono::Utc;
use data_encoding::BASE32_NOPAD;

use crate::admin::PASSWORD;

use super::session::{Browser, Script, browse};

#[test]
fn staff_log_in_with_a_code() -> Result<()> {
    browse(Script::On, walk)
}

#[test]
fn staff_log_in_with_a_code_without_script() -> Result<()> {
    browse(Script::Off, walk)
}

/// Sets up a second factor, logs out, logs in with a code, and opens the list of sessions.
async fn walk(browser: &Browser) -> Result<()> {
    browser.log_in("/admin/").await?;
    browser.arrive("/admin/").await?;
    let app = set_up(browser).await?;
    assert_eq!(browser.heading().await?, "Recovery codes");
    browser.follow("I have saved my codes").await?;
    browser.arrive("/admin/").await?;
    browser.open("/admin/logout/").await?;
    browser.press_button("Log out").await?;
    assert_eq!(browser.heading().await?, "You have been logged out.");

    browser.log_in("/admin/lettings/letting/").await?;
    browser
        .arrive("/admin/login/code/?next=/admin/lettings/letting/")
        .await?;
    browser.type_into("id_code", "000").await?;
    browser.press_button("Log in").await?;
    let text = browser.text().await?;
    assert_contains(&text, "The code is wrong or has already been used.");
    browser.type_into("id_code", &code(&app, 1)).await?;
    browser.press_button("Log in").await?;
    browser.arrive("/admin/lettings/letting/").await?;

    browser.follow("Account").await?;
    browser.follow("Manage sessions").await?;
    browser.arrive("/admin/sessions/").await?;
    let text = browser.text().await?;
    assert_contains_all(&text, "Chrome on Linux | This session");
    Ok(())
}

/// Sets up a second factor; returns its secret.
pub(super) async fn set_up(browser: &Browser) -> Result<Vec<u8>> {
    browser.open("/admin/two_factor/").await?;
    let key = browser.text_of(".key").await?.replace(' ', "");
    let secret = BASE32_NOPAD
        .decode(key.as_bytes())
        .context("the key is in base 32")?;
    browser.type_into("id_code", &code(&secret, 0)).await?;
    browser.press_button("Turn on").await?;
    Ok(secret)
}

/// The code of an app this many half minutes from now.
pub(super) fn code(secret: &[u8], later: i64) -> String {
    totp::code(secret, totp::step(Utc::now().naive_utc()) + later)
}

impl Browser {
    /// Submits the first step of the login.
    pub(super) async fn log_in(&self, next: &str) -> Result<()> {
        self.open(&format!("/admin/login/?next={next}")).await?;
        self.type_into("id_username", "ada").await?;
        self.type_into("id_password", PASSWORD).await?;
        self.press_button("Log in").await
    }
}
