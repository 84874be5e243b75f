//! PostgreSQL paused for a minute with its connections open, and a locked table: no request hangs, no acknowledged save
//! is lost, and the site reconnects by itself.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use xshell::Shell;

use crate::load::{Load, wait_until};
use crate::postgres_server::PostgresServer;
use crate::rows;
use soak::browser::{Browser, get};
use soak::site::Place;
use soak::staff::{Ledger, Shift};

/// Numbers of visitors and of staff.
const VISITORS: usize = 8;
const STAFF: usize = 3;

/// How long the server is paused.
const FROZEN: Duration = Duration::from_mins(1);

/// How long the table is locked (seconds); longer than a request waits for a lock.
const LOCKED: u64 = 15;

/// Maximum response time of health checks; visitors wait longer.
const HEALTH_CHECK_LIMIT: Duration = Duration::from_secs(4);

/// Time limit for a locked table to be noticed, and for the recovery.
const GRACE: Duration = Duration::from_secs(35);

pub(crate) fn run(shell: &Shell, program: &Path) -> Result<String> {
    let server = PostgresServer::find(shell)?;
    let place = Place::new(shell, program, &[("DATABASE_URL", server.url.clone())])?;
    place.fill_with_demo_data()?;
    let site = place.start()?;
    let address = site.address;
    let browsers = Browser::several_logged_in(address, STAFF)?;
    let ledger = Arc::new(Ledger::default());
    let shift = Shift::start(address, &ledger, browsers);
    let load = Load::default();
    load.may_be_busy.store(true, Ordering::SeqCst);
    let url = format!("http://{address}");
    let mut saved = 0;
    let work = || {
        thread::sleep(Duration::from_secs(2));
        let frozen = server.freeze()?;
        let machines = ask_machines(address)?;
        drop(frozen);
        let found = time_to(address, 200)?;
        saved = ledger.saved().len();

        let hold = format!("BEGIN; LOCK TABLE lettings; SELECT pg_sleep({LOCKED})");
        let mut holder = Command::new("psql")
            .args(["--quiet", "--command", &hold, &server.url])
            .spawn()
            .context("could not start psql")?;
        let locked = time_to(address, 503)?;
        ensure!(holder.wait()?.success(), "the table could not be locked");
        let freed = time_to(address, 200)?;
        thread::sleep(Duration::from_secs(2));
        Ok([machines, found, locked, freed])
    };
    let visits = [("GET", "/lettings/1/", 200)];
    let [machines, found, locked, freed] = load.during(VISITORS, &url, &visits, work)?;
    load.check()?;
    shift.end().with_context(|| site.log())?;
    site.stop(shell)?;
    let all = ledger.saved();
    ensure!(all.len() > saved, "no save succeeded afterwards");
    rows::check(&place, &rows::copy(&place, &server.url)?, &all)?;
    Ok(format!(
        "a minute without a word: {} requests, {} times 503, each within {:.1?}, /readyz within {machines:.1?}, well again \
         within {found:.1?}; a locked table: 503 after {locked:.1?}, well again within {freed:.1?}; {} saves \
         acknowledged, none lost",
        load.done(),
        load.busy(),
        load.slowest(),
        all.len(),
    ))
}

/// Requests the health checks while the server is paused; returns the longest response time.
fn ask_machines(address: SocketAddr) -> Result<Duration> {
    let start = Instant::now();
    let mut longest = Duration::ZERO;
    while start.elapsed() < FROZEN {
        for (target, status) in [("/healthz", 200), ("/readyz", 503)] {
            let asked = Instant::now();
            let answer = get(address, target)?;
            longest = longest.max(asked.elapsed());
            ensure!(answer.status == status, "{target}: {}", answer.status);
        }
        thread::sleep(Duration::from_secs(1));
    }
    ensure!(
        longest < HEALTH_CHECK_LIMIT,
        "a health check took {longest:.1?}"
    );
    Ok(longest)
}

/// Time until a page gets this status.
fn time_to(address: SocketAddr, status: u16) -> Result<Duration> {
    wait_until(GRACE, &format!("a page gets {status}"), || {
        Ok(get(address, "/lettings/1/")?.status == status)
    })
}
