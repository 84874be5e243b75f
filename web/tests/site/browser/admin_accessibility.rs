//! Every admin page checked with axe-core, in both color schemes, wide and narrow.

use std::io::Write;

use anyhow::{Context, Result};
use diesel::RunQueryDsl;
use diesel::dsl::sql;
use diesel::sql_types::Text;

use super::accessibility::{Axe, with_axe};
use super::session::Browser;
use super::two_factor::set_up;
use crate::admin::PASSWORD;

/// Pages below `/admin/` that exist right after the login.
const PAGES: &str = "lettings/ lettings/letting/ lettings/letting/?q=nowhere
    lettings/letting/?o=-1&state__exact=CA lettings/letting/add/ lettings/letting/1/change/
    lettings/letting/21/change/ lettings/letting/2/preview/ lettings/letting/1/delete/
    lettings/letting/1/history/ lettings/letting/deleted/ lettings/letting/import/
    lettings/address/ lettings/address/add/ lettings/address/add/?_to_field=id&_popup=1
    lettings/photo/ lettings/photo/1/change/ profiles/profile/1/change/ auth/user/ auth/user/add/
    auth/user/1/change/ auth/user/1/password/ auth/user/1/sessions/ auth/user/1/two_factor/
    auth/group/add/ nowhere/ log/ diagnostics/ password_change/ account/ sessions/";

/// Pages for users who can't log in.
const FOR_ANYBODY: [&str; 4] = [
    "/admin/password_reset/",
    "/admin/password_reset/done/",
    "/admin/reset/1/expired/",
    "/admin/reset/done/",
];

#[test]
fn axe_finds_nothing_in_the_admin_in_light_mode() -> Result<()> {
    check_all("light")
}

#[test]
fn axe_finds_nothing_in_the_admin_in_dark_mode() -> Result<()> {
    check_all("dark")
}

fn check_all(scheme: &'static str) -> Result<()> {
    with_axe(scheme, async |browser, axe| {
        browser.open("/admin/login/").await?;
        axe.look(browser, "the login").await?;
        browser.type_into("id_username", "ada").await?;
        browser.type_into("id_password", "guess").await?;
        browser.press_button("Log in").await?;
        axe.look(browser, "a refused login").await?;
        for target in FOR_ANYBODY {
            browser.open(target).await?;
            axe.look(browser, target).await?;
        }
        browser.open(&reset_link(browser).await?).await?;
        assert_eq!(browser.heading().await?, "Choose a new password");
        axe.look(browser, "a link that sets a password").await?;
        browser.log_in("/admin/").await?;
        let conn = &mut browser.site().database()?;
        diesel::sql_query("UPDATE lettings SET status = 'draft' WHERE id = 2").execute(conn)?;
        axe.look(browser, "the index").await?;
        for page in PAGES.split_whitespace() {
            browser.open(&format!("/admin/{page}")).await?;
            axe.look(browser, page).await?;
        }
        check_bulk_pages(browser, axe).await?;
        check_responses(browser, axe).await?;
        check_without_permissions(browser, axe).await?;
        check_two_factor(browser, axe).await
    })
}

/// The path of a password reset link, from its mail.
async fn reset_link(browser: &Browser) -> Result<String> {
    let conn = &mut browser.site().database()?;
    let email = "UPDATE users SET email = 'ada@example.org' WHERE username = 'ada'";
    diesel::sql_query(email).execute(conn)?;
    browser.open("/admin/password_reset/").await?;
    browser.type_into("id_email", "ada@example.org").await?;
    browser.press_button("Send link").await?;
    let mail = sql::<Text>("SELECT body FROM outgoing_mails").get_result::<String>(conn)?;
    let mut words = mail.split_whitespace();
    let link = words.find_map(|word| word.strip_prefix("https://homes.example"));
    Ok(link.context("the mail has no link")?.to_owned())
}

/// Pages about many objects: imports and bulk deletions.
async fn check_bulk_pages(browser: &Browser, axe: &Axe) -> Result<()> {
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
        axe.look(browser, page).await?;
    }

    browser.open("/admin/lettings/address/?o=1").await?;
    for row in 1..3 {
        let tick = format!("tbody tr:nth-child({row}) [name='_selected_action']");
        browser.click(&tick).await?;
    }
    axe.look(browser, "ticked rows").await?;
    browser.choose("action", "Delete selected").await?;
    browser.press_button("Go").await?;
    axe.look(browser, "the question before several go").await?;
    browser.press_button("Yes, delete").await?;
    axe.look(browser, "a message").await?;
    for page in "/admin/lettings/address/deleted/ /admin/log/?action=deleted".split(' ') {
        browser.open(page).await?;
        axe.look(browser, page).await?;
    }
    browser.click("a.aside").await?;
    browser.wait_for("h1").await?;
    axe.look(browser, "what was deleted at one go").await?;
    browser.press_button("Restore all").await?;
    axe.look(browser, "what was restored at one go").await?;

    browser.open("/admin/lettings/address/").await?;
    browser.click("[name='_selected_action']").await?;
    browser.choose("action", "Edit selected").await?;
    browser.press_button("Go").await?;
    axe.look(browser, "the form of several").await?;
    for (city, page) in [
        ("", "a wrong value for several"),
        ("Brea", "the question about it"),
    ] {
        browser.type_into("id_city", city).await?;
        browser.press_button("Set").await?;
        axe.look(browser, page).await?;
    }
    Ok(())
}

/// Pages that follow a button: errors, a conflict, confirmations.
async fn check_responses(browser: &Browser, axe: &Axe) -> Result<()> {
    browser.open("/admin/lettings/address/add/").await?;
    browser.press_button("Save").await?;
    axe.look(browser, "a form with mistakes").await?;
    browser.open("/admin/lettings/letting/add/").await?;
    browser.press_button("Save").await?;
    axe.look(browser, "a letting with mistakes").await?;
    browser
        .open("/admin/auth/group/add/?_to_field=id&_popup=1")
        .await?;
    browser.type_into("id_name", "Editors").await?;
    browser.press_button("Save").await?;
    axe.look(browser, "the end of a small window").await?;

    let file = tempfile::Builder::new().suffix(".jpg").tempfile()?;
    browser.open("/admin/lettings/letting/1/change/").await?;
    let path = file.path().to_str().context("a path in UTF-8")?;
    browser.attach("gallery-file", path).await?;
    browser.press_button("Upload").await?;
    axe.look(browser, "a file that is no picture").await?;

    browser.open("/admin/lettings/letting/1/change/").await?;
    let conn = &mut browser.site().database()?;
    diesel::sql_query("UPDATE lettings SET title = 'Theirs' WHERE id = 1").execute(conn)?;
    browser.type_into("id_title", "Mine").await?;
    browser.press_button("Save").await?;
    axe.look(browser, "a conflict").await?;
    let focused = "return document.activeElement.getAttribute('role')";
    assert_eq!(browser.evaluate(focused).await?, "alert");
    browser.click("[value='mine']").await?;
    browser.press_button("Save").await?;
    browser.open("/admin/lettings/letting/1/history/").await?;
    axe.look(browser, "a history").await?;
    browser.press_button("Restore this version").await?;
    axe.look(browser, "a restored version").await?;

    browser.open("/admin/password_change/").await?;
    browser.press_button("Change my password").await?;
    axe.look(browser, "a password with mistakes").await?;

    let stale = "UPDATE sessions SET proved_at = '2026-01-02 03:04:05'";
    diesel::sql_query(stale).execute(conn)?;
    browser.open("/admin/auth/user/1/delete/").await?;
    browser.press_button("Yes, delete").await?;
    assert_eq!(browser.heading().await?, "Confirm that it is you");
    axe.look(browser, "the page that asks who it is").await?;
    browser.type_into("id_password", "guess").await?;
    browser.press_button("Confirm").await?;
    axe.look(browser, "a refused proof").await?;

    diesel::sql_query("UPDATE sessions SET proved_at = datetime('now')").execute(conn)?;
    Ok(())
}

/// Pages for staff without permissions.
async fn check_without_permissions(browser: &Browser, axe: &Axe) -> Result<()> {
    let conn = &mut browser.site().database()?;
    diesel::sql_query("UPDATE users SET is_superuser = FALSE").execute(conn)?;
    for page in ["/admin/", "/admin/lettings/letting/1/change/"] {
        browser.open(page).await?;
        axe.look(browser, &format!("{page} without permissions"))
            .await?;
    }
    diesel::sql_query("UPDATE users SET is_superuser = TRUE WHERE username = 'ada'")
        .execute(conn)?;
    Ok(())
}

async fn check_two_factor(browser: &Browser, axe: &Axe) -> Result<()> {
    browser.open("/admin/two_factor/").await?;
    axe.look(browser, "the page that sets a factor up").await?;
    browser.press_button("Turn on").await?;
    axe.look(browser, "a missing code").await?;
    set_up(browser).await?;
    axe.look(browser, "the recovery codes").await?;
    browser.open("/admin/two_factor/").await?;
    axe.look(browser, "the page of a factor").await?;

    browser.open("/admin/logout/").await?;
    axe.look(browser, "the question before logging out").await?;
    browser.press_button("Log out").await?;
    axe.look(browser, "the end").await?;
    browser.open("/admin/login/").await?;
    browser.type_into("id_username", "ada").await?;
    browser.type_into("id_password", PASSWORD).await?;
    browser.press_button("Log in").await?;
    axe.look(browser, "the second step").await?;
    browser.type_into("id_code", "000").await?;
    browser.press_button("Log in").await?;
    axe.look(browser, "a refused code").await
}
