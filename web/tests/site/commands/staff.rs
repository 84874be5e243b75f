//! Staff who save lettings.

use std::collections::BTreeSet;
use std::net::SocketAddr;

use anyhow::{Context, Result, ensure};
use diesel::RunQueryDsl;
use diesel::sql_types::Text;
use oc_core::DbConnection;
use oc_core::testing::TestDb;

use crate::admin::{ADDRESS_FORM, Browser, PASSWORD, superuser, with};
use crate::http::Answer;

/// Production settings, with a key that lets sessions outlive a restart, and without cached pages.
pub(super) const PRODUCTION: [(&str, &str); 6] = [
    ("PAGE_CACHE_SIZE", "0"),
    ("APP_ENV", "production"),
    ("ALLOWED_HOSTS", "localhost"),
    ("PUBLIC_URL", "http://localhost"),
    ("SECRET_KEY", "0123456789abcdef0123456789abcdef"),
    ("RUST_LOG", "info,access=off"),
];

pub(super) fn hire(db: &TestDb, name: &str) -> Result<()> {
    superuser(&mut db.connect()?, name)?;
    Ok(())
}

pub(super) fn log_in(address: SocketAddr, name: &str) -> Result<Browser<'static>> {
    let mut browser = Browser::toward(address);
    let answer = browser.log_in(name, PASSWORD)?;
    ensure!(answer.status == 303, "no login: {}", answer.text()?);
    Ok(browser)
}

/// Saves an address and a letting of that title there; the answer to the last form that was sent. It is saved when
/// that is 303.
pub(super) fn save(browser: &mut Browser<'_>, title: &str) -> Result<Answer> {
    let fields = with(&ADDRESS_FORM, &[("street", title), ("_continue", "1")]);
    let answer = browser.fill("/admin/lettings/address/add/", &fields)?;
    if answer.status != 303 {
        return Ok(answer);
    }
    let id = answer
        .header("location")
        .and_then(|location| location.strip_prefix("/admin/lettings/address/"))
        .and_then(|rest| rest.split('/').next())
        .context("the form led nowhere")?
        .to_owned();
    let fields = [("title", title), ("address", &id), ("_save", "1")];
    browser.fill("/admin/lettings/letting/add/", &fields)
}

/// Fails where one of these titles is missing from the database, or a file of SQLite is not in order.
pub(super) fn check(conn: &mut DbConnection, saved: &BTreeSet<String>) -> Result<()> {
    if matches!(conn, DbConnection::Sqlite(_)) {
        let found: String = diesel::dsl::sql::<Text>("PRAGMA integrity_check").get_result(conn)?;
        ensure!(found == "ok", "the file is damaged: {found}");
    }
    let titles: Vec<String> = diesel::dsl::sql::<Text>("SELECT title FROM lettings").load(conn)?;
    let there = titles.into_iter().collect();
    let lost: Vec<_> = saved.difference(&there).collect();
    ensure!(lost.is_empty(), "acknowledged, and lost: {lost:?}");
    Ok(())
}
