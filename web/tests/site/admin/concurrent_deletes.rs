//! Deleting while somebody else writes.

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

use crate::http::Answer;
use crate::support::{TestSite, address, assert_contains, letting};

use super::restore::{act, delete};
use super::{ADDRESS_FORM, Browser, hidden, with};

const DELETE: &str = "/admin/lettings/address/1/delete/";

/// Waits until another connection waits for a lock of this one.
fn wait_until_blocked(conn: &mut DbConnection) -> Result<()> {
    let waiting = "SELECT count(*) FROM pg_locks \
                   WHERE NOT granted AND pg_backend_pid() = ANY(pg_blocking_pids(pid))";
    let end = Instant::now() + Duration::from_mins(1);
    while diesel::dsl::sql::<BigInt>(waiting).get_result::<i64>(conn)? == 0 {
        ensure!(Instant::now() < end, "nobody waits");
        thread::yield_now();
    }
    Ok(())
}

/// What a write to a row came to that another connection kept waiting, and did something to before.
fn meanwhile(
    conn: &mut DbConnection,
    send: impl FnOnce() -> Result<Answer> + Send,
    work: impl FnOnce(&mut DbConnection) -> QueryResult<()>,
) -> Result<Answer> {
    thread::scope(|scope| {
        let sending = scope.spawn(send);
        let waited = wait_until_blocked(conn);
        let worked = work(conn);
        // Whatever came of that: else the other would wait for ever.
        let done = conn.batch_execute("COMMIT");
        let answer = sending
            .join()
            .map_err(|_| anyhow!("the browser panicked"))?;
        waited?;
        worked?;
        done?;
        answer
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
        let answer = meanwhile(conn, restore, |_| Ok(()))?;

        assert_eq!(answer.status, 303);
        let told = browser.follow(&answer)?;
        assert_contains(&told, "Nothing was restored");
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
        // As a letting's form does that has its address in it.
        lock(conn, "lettings.letting", 1)?;

        let restore = || browser.post(&act, &[]);
        let answer = meanwhile(conn, restore, |conn| lock(conn, "lettings.address", 1))?;

        assert_eq!(answer.status, 303);
        assert!(browser.follow(&answer)?.contains("Restored letting"));
    }
    Ok(())
}

#[test]
fn objects_added_meanwhile_require_a_new_confirmation() -> Result<()> {
    for says_what_was_shown in [false, true] {
        for site in TestSite::on_postgres()? {
            let conn = &mut site.database()?;
            insert_address(conn, &address())?;
            let mut browser = Browser::superuser(&site, "ada")?;
            let shown = browser.hidden(DELETE, "_shown")?;
            let fields = [("post", "yes"), ("_shown", &shown)];
            let fields = &fields[..if says_what_was_shown { 2 } else { 1 }];

            conn.batch_execute("BEGIN")?;
            insert_letting(conn, &letting_draft("Pier House", 1))?;
            let answer = meanwhile(conn, || browser.post(DELETE, fields), |_| Ok(()))?;

            let record = AuditEntry::for_object(conn, "lettings.letting", 1)?;
            let actions: Vec<_> = record.iter().map(|line| line.action.as_str()).collect();
            if says_what_was_shown {
                let words = "The items to delete have changed.";
                assert_contains(&answer.page_text()?, words);
                assert_eq!(Letting::count(conn)?, 1);
            } else {
                assert_eq!((Letting::count(conn)?, &*actions), (0, &["deleted"][..]));
            }
        }
    }
    Ok(())
}
