//! Every page of the administration, in both schemes, under the eyes of axe-core.

use anyhow::Result;
use diesel::RunQueryDsl;

use super::accessible::{Axe, prefer};
use super::session::{Browser, Script, browse};
use super::staff::set_up;
use crate::admin::PASSWORD;

/// Pages that are there as soon as somebody has logged in.
const PAGES: [&str; 25] = [
    "/admin/",
    "/admin/lettings/",
    "/admin/lettings/letting/",
    "/admin/lettings/letting/?q=nowhere",
    "/admin/lettings/letting/?o=-1&state__exact=CA",
    "/admin/lettings/letting/add/",
    "/admin/lettings/letting/1/change/",
    "/admin/lettings/letting/1/delete/",
    "/admin/lettings/letting/1/history/",
    "/admin/lettings/letting/deleted/",
    "/admin/lettings/letting/import/",
    "/admin/lettings/address/",
    "/admin/lettings/address/add/",
    "/admin/profiles/profile/1/change/",
    "/admin/auth/user/",
    "/admin/auth/user/add/",
    "/admin/auth/user/1/change/",
    "/admin/auth/user/1/password/",
    "/admin/auth/user/1/sessions/",
    "/admin/auth/user/1/two_factor/",
    "/admin/auth/group/add/",
    "/admin/log/",
    "/admin/diagnostics/",
    "/admin/password_change/",
    "/admin/sessions/",
];

#[test]
fn axe_finds_nothing_in_the_administration_in_light_colours() -> Result<()> {
    check_all("light")
}

#[test]
fn axe_finds_nothing_in_the_administration_in_dark_colours() -> Result<()> {
    check_all("dark")
}

fn check_all(scheme: &'static str) -> Result<()> {
    let Some(axe) = Axe::find(scheme)? else {
        return Ok(());
    };
    browse(Script::On, async |browser| {
        prefer(browser, scheme).await?;
        browser.open("/admin/login/").await?;
        axe.check(browser, "the login").await?;
        browser.type_into("id_username", "ada").await?;
        browser.type_into("id_password", "guess").await?;
        browser.press_button("Log in").await?;
        axe.check(browser, "a refused login").await?;
        browser.log_in("/admin/").await?;
        for target in PAGES {
            browser.open(target).await?;
            axe.check(browser, target).await?;
        }
        after_a_button(browser, &axe).await?;
        around_the_factor(browser, &axe).await
    })
}

/// Pages that answer to a button: mistakes, a conflict, questions.
async fn after_a_button(browser: &Browser, axe: &Axe) -> Result<()> {
    browser.open("/admin/lettings/address/add/").await?;
    browser.press_button("Save").await?;
    axe.check(browser, "a form with mistakes").await?;

    browser.open("/admin/lettings/letting/1/change/").await?;
    let conn = &mut browser.site().database()?;
    diesel::sql_query("UPDATE lettings SET title = 'Theirs' WHERE id = 1").execute(conn)?;
    browser.type_into("id_title", "Mine").await?;
    browser.press_button("Save").await?;
    axe.check(browser, "a conflict").await?;

    browser.open("/admin/password_change/").await?;
    browser.press_button("Change my password").await?;
    axe.check(browser, "a password with mistakes").await?;

    let stale = "UPDATE sessions SET proved_at = '2026-01-02 03:04:05'";
    diesel::sql_query(stale).execute(conn)?;
    browser.open("/admin/auth/user/1/delete/").await?;
    browser.press_button("Yes, delete").await?;
    assert_eq!(browser.heading().await?, "Confirm that it is you");
    axe.check(browser, "the page that asks who it is").await?;
    browser.type_into("id_password", "guess").await?;
    browser.press_button("Confirm").await?;
    axe.check(browser, "a refused proof").await?;

    diesel::sql_query("UPDATE sessions SET proved_at = '2999-01-02 03:04:05'").execute(conn)?;
    Ok(())
}

async fn around_the_factor(browser: &Browser, axe: &Axe) -> Result<()> {
    browser.open("/admin/two_factor/").await?;
    axe.check(browser, "the page that sets a factor up").await?;
    browser.press_button("Turn on").await?;
    axe.check(browser, "a missing code").await?;
    set_up(browser).await?;
    axe.check(browser, "the recovery codes").await?;
    browser.open("/admin/two_factor/").await?;
    axe.check(browser, "the page of a factor").await?;

    browser.open("/admin/logout/").await?;
    axe.check(browser, "the question before logging out")
        .await?;
    browser.press_button("Log out").await?;
    axe.check(browser, "the end").await?;
    browser.open("/admin/login/").await?;
    browser.type_into("id_username", "ada").await?;
    browser.type_into("id_password", PASSWORD).await?;
    browser.press_button("Log in").await?;
    axe.check(browser, "the second step").await?;
    browser.type_into("id_code", "000").await?;
    browser.press_button("Log in").await?;
    axe.check(browser, "a refused code").await
}
