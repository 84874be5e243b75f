//! Every page of the administration, in both schemes, wide and narrow, under the eyes of axe-core.

use std::io::Write;

use anyhow::{Context, Result};
use diesel::RunQueryDsl;

use super::accessibility::{Axe, under_the_eyes_of_axe};
use super::responsive::{assert_fits, resize};
use super::session::Browser;
use super::two_factor::set_up;
use crate::admin::PASSWORD;

/// Pages that are there as soon as somebody has logged in.
const PAGES: [&str; 26] = [
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
    "/admin/account/",
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
    under_the_eyes_of_axe(scheme, async |browser, axe| {
        browser.open("/admin/login/").await?;
        look(browser, axe, "the login").await?;
        browser.type_into("id_username", "ada").await?;
        browser.type_into("id_password", "guess").await?;
        browser.press_button("Log in").await?;
        look(browser, axe, "a refused login").await?;
        browser.log_in("/admin/").await?;
        for target in PAGES {
            browser.open(target).await?;
            look(browser, axe, target).await?;
        }
        of_many(browser, axe).await?;
        after_a_button(browser, axe).await?;
        around_the_factor(browser, axe).await
    })
}

/// Looks at the page that is open, on a screen and on a small telephone.
async fn look(browser: &Browser, axe: &Axe, page: &str) -> Result<()> {
    for (width, height) in [(360, 740), (1280, 900)] {
        resize(browser, width, height).await?;
        assert_fits(browser, width, page).await?;
        let page = format!("{page}, {width} wide");
        axe.check(browser, &page).await?;
    }
    Ok(())
}

/// Pages about many rows: files, and what is deleted at one go.
async fn of_many(browser: &Browser, axe: &Axe) -> Result<()> {
    for (rows, page) in [
        (
            "1;Other\r\n;New, without an address\r\n",
            "a file with mistakes",
        ),
        (
            "1;The Saltwater House\r\n2;Other\r\n",
            "what a file would change",
        ),
    ] {
        let mut file = tempfile::Builder::new().suffix(".csv").tempfile()?;
        write!(file, "id;title\r\n{rows}")?;
        browser.open("/admin/lettings/letting/import/").await?;
        let path = file.path().to_str().context("a path in UTF-8")?;
        browser.attach("id_file", path).await?;
        browser.press_button("Check the file").await?;
        look(browser, axe, page).await?;
    }

    browser.open("/admin/lettings/address/?o=1").await?;
    for row in 1..3 {
        let tick = format!("tbody tr:nth-child({row}) [name='_selected_action']");
        browser.click(&tick).await?;
    }
    look(browser, axe, "ticked rows").await?;
    browser.choose("action", "Delete selected").await?;
    browser.press_button("Go").await?;
    look(browser, axe, "the question before several go").await?;
    browser.press_button("Yes, delete").await?;
    look(browser, axe, "a message").await?;
    for page in [
        "/admin/lettings/address/deleted/",
        "/admin/log/?action=deleted",
    ] {
        browser.open(page).await?;
        look(browser, axe, page).await?;
    }
    browser.click("a.aside").await?;
    browser.wait_for("h1").await?;
    look(browser, axe, "what was deleted at one go").await
}

/// Pages that answer to a button: mistakes, a conflict, questions.
async fn after_a_button(browser: &Browser, axe: &Axe) -> Result<()> {
    browser.open("/admin/lettings/address/add/").await?;
    browser.press_button("Save").await?;
    look(browser, axe, "a form with mistakes").await?;

    browser.open("/admin/lettings/letting/1/change/").await?;
    let conn = &mut browser.site().database()?;
    diesel::sql_query("UPDATE lettings SET title = 'Theirs' WHERE id = 1").execute(conn)?;
    browser.type_into("id_title", "Mine").await?;
    browser.press_button("Save").await?;
    look(browser, axe, "a conflict").await?;

    browser.open("/admin/password_change/").await?;
    browser.press_button("Change my password").await?;
    look(browser, axe, "a password with mistakes").await?;

    let stale = "UPDATE sessions SET proved_at = '2026-01-02 03:04:05'";
    diesel::sql_query(stale).execute(conn)?;
    browser.open("/admin/auth/user/1/delete/").await?;
    browser.press_button("Yes, delete").await?;
    assert_eq!(browser.heading().await?, "Confirm that it is you");
    look(browser, axe, "the page that asks who it is").await?;
    browser.type_into("id_password", "guess").await?;
    browser.press_button("Confirm").await?;
    look(browser, axe, "a refused proof").await?;

    diesel::sql_query("UPDATE sessions SET proved_at = datetime('now')").execute(conn)?;
    Ok(())
}

async fn around_the_factor(browser: &Browser, axe: &Axe) -> Result<()> {
    browser.open("/admin/two_factor/").await?;
    look(browser, axe, "the page that sets a factor up").await?;
    browser.press_button("Turn on").await?;
    look(browser, axe, "a missing code").await?;
    set_up(browser).await?;
    look(browser, axe, "the recovery codes").await?;
    browser.open("/admin/two_factor/").await?;
    look(browser, axe, "the page of a factor").await?;

    browser.open("/admin/logout/").await?;
    look(browser, axe, "the question before logging out").await?;
    browser.press_button("Log out").await?;
    look(browser, axe, "the end").await?;
    browser.open("/admin/login/").await?;
    browser.type_into("id_username", "ada").await?;
    browser.type_into("id_password", PASSWORD).await?;
    browser.press_button("Log in").await?;
    look(browser, axe, "the second step").await?;
    browser.type_into("id_code", "000").await?;
    browser.press_button("Log in").await?;
    look(browser, axe, "a refused code").await
}
