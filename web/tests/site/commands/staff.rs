//! Staff who save lettings.

use std::collections::BTreeSet;
use std::net::SocketAddr;

use anyhow::{Context, Result, ensure};
use diesel::RunQueryDsl;
use diesel::sql_types::Text;
use oc_core::DbConnection;
use oc_core::testing::TestDb;

use crate::admin::{ADDRESS_FORM, Browser, PASSWORD, superuser, with};
use crate::http::Response;

/// Production settings, with a key so that sessions survive a restart, and without the page cache.
pub(super) const PRODUCTION: [(&str, &str); 6] = [
    ("PAGE_CACHE_SIZE", "0"),
    ("APP_ENV", "production"),
    ("ALLOWED_HOSTS", "localhost"),
    ("PUBLIC_URL", "http://localhost"),
    ("SECRET_KEY", "0123456789abcdef0123456789abcdef"),
    ("RUST_LOG", "info,access=off"),
];

pub(super) fn insert_staff(db: &TestDb, name: &str) -> Result<()> {
    superuser(&mut db.connect()?, name)?;
    Ok(())
}

pub(super) fn log_in(address: SocketAddr, name: &str) -> Result<Browser<'static>> {
    let mut browser = Browser::for_address(address);
    let response = browser.log_in(name, PASSWORD)?;
    ensure!(response.status == 303, "no login: {}", response.text()?);
    Ok(browser)
}

/// Saves an address and a letting with this title; returns the response to the last form. The letting is saved if that
/// is 303.
pub(super) fn save(browser: &mut Browser<'_>, title: &str) -> Result<Response> {
    let fields = with(&ADDRESS_FORM, &[("street", title), ("_continue", "1")]);
    let response = browser.fill("/admin/lettings/address/add/", &fields)?;
    if response.status != 303 {
        return Ok(response);
    }
    let id = response
        .header("location")
        .and_then(|location| location.strip_prefix("/admin/lettings/address/"))
        .and_then(|rest| rest.split('/').next())
        .context("the form led nowhere")?
        .to_owned();
    let fields = [("title", title), ("address", &id), ("_save", "1")];
    browser.fill("/admin/lettings/letting/add/", &fields)
}

/// Fails if one of these titles is missing from the database, or a SQLite file is damaged.
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
