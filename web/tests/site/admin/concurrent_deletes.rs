//! Deletions during concurrent writes.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, ensure};
use audit::AuditEntry;
use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sql_types::BigInt;
use lettings::testing::{insert_address, insert_letting, letting_draft};
use lettings::{Address, Letting};
use oc_core::DbConnection;
use oc_core::locks::lock;

use crate::http::Response;
use crate::support::{TestSite, address, assert_contains, letting};

use super::restore::{act, delete};
use super::{ADDRESS_FORM, Browser, hidden, with};

const DELETE: &str = "/admin/lettings/address/1/delete/";

/// Waits until another connection is blocked by this one.
fn wait_until_blocked(conn: &mut DbConnection) -> Result<()> {
    let waiting = "SELECT count(*) FROM pg_locks \
                   WHERE NOT granted AND pg_backend_pid() = ANY(pg_blocking_pids(pid))";
    let end = Instant::now() + Duration::from_mins(1);
    while diesel::dsl::sql::<BigInt>(waiting).get_result::<i64>(conn)? == 0 {
        ensure!(Instant::now() < end, "no connection is blocked");
        thread::yield_now();
    }
    Ok(())
}

/// The response to a request that was blocked by this connection until `work` was committed.
fn send_while_blocked(
    conn: &mut DbConnection,
    send: impl FnOnce() -> Result<Response> + Send,
    work: impl FnOnce(&mut DbConnection) -> QueryResult<()>,
) -> Result<Response> {
    thread::scope(|scope| {
        let sending = scope.spawn(send);
        let waited = wait_until_blocked(conn);
        let worked = work(conn);
        // Commit in any case; otherwise the other connection would wait forever.
        let done = conn.batch_execute("COMMIT");
        let response = sending
            .join()
            .map_err(|_| anyhow!("the browser panicked"))?;
        waited?;
        worked?;
        done?;
        response
    })
}

#[test]
fn restoring_a_version_of_an_object_deleted_meanwhile_is_an_error() -> Result<()> {
    for site in TestSite::on_postgres()? {
        let conn = &mut site.database()?;
        letting(conn, "Pier House")?;
        let mut browser = Browser::superuser(&site, "ada")?;
        let change = "/admin/lettings/address/1/change/";
        let street = |street| with(&ADDRESS_FORM, &[("street", street)]);
        browser.fill(change, &street("First Street"))?;
        browser.fill(change, &street("Second Street"))?;
        let history = "/admin/lettings/address/1/history/";
        let version = hidden(&browser.get(history)?.text()?, "restore").context("no version")?;
        conn.batch_execute("BEGIN")?;
        Address::delete(conn, &[1])?;

        let restore = || browser.post(history, &[("restore", &version)]);
        let response = send_while_blocked(conn, restore, |_| Ok(()))?;

        assert_eq!(response.status, 303);
        let next = browser.follow(&response)?;
        assert_contains(&next, "Nothing was restored");
    }
    Ok(())
}

#[test]
fn restores_and_forms_lock_in_the_same_order() -> Result<()> {
    for site in TestSite::on_postgres()? {
        let conn = &mut site.database()?;
        letting(conn, "Pier House")?;
        let mut browser = Browser::superuser(&site, "ada")?;
        delete(&mut browser, "lettings/address/1")?;
        let act = act(&mut browser)?;
        browser.get(&act)?;
        conn.batch_execute("BEGIN")?;
        // As the form of a letting with an inline address does.
        lock(conn, "lettings.letting", 1)?;

        let restore = || browser.post(&act, &[]);
        let response = send_while_blocked(conn, restore, |conn| lock(conn, "lettings.address", 1))?;

        assert_eq!(response.status, 303);
        assert!(browser.follow(&response)?.contains("Restored letting"));
    }
    Ok(())
}

#[test]
fn objects_added_meanwhile_are_deleted_too_unless_others_were_confirmed() -> Result<()> {
    for with_shown in [false, true] {
        for site in TestSite::on_postgres()? {
            let conn = &mut site.database()?;
            insert_address(conn, &address())?;
            let mut browser = Browser::superuser(&site, "ada")?;
            let shown = browser.hidden(DELETE, "_shown")?;
            let fields = [("post", "yes"), ("_shown", &shown)];
            let fields = &fields[..if with_shown { 2 } else { 1 }];

            conn.batch_execute("BEGIN")?;
            insert_letting(conn, &letting_draft("Pier House", 1))?;
            let response = send_while_blocked(conn, || browser.post(DELETE, fields), |_| Ok(()))?;

            let record = AuditEntry::for_object(conn, "lettings.letting", 1)?;
            let actions: Vec<_> = record.iter().map(|line| line.action.as_str()).collect();
            if with_shown {
                let words = "The items to delete have changed.";
                assert_contains(&response.page_text()?, words);
                assert_eq!(Letting::count(conn)?, 1);
            } else {
                assert_eq!((Letting::count(conn)?, &*actions), (0, &["deleted"][..]));
            }
        }
    }
    Ok(())
}
