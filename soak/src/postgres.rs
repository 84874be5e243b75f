//! PostgreSQL restarted, paused for a minute with its connections open, and with a locked table: requests get 503 while
//! it is away and never otherwise, none hangs, no acknowledged save is lost, and the site reconnects by itself.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
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
use soak::staff::Ledger;

/// Numbers of visitors and of staff.
const VISITORS: usize = 8;
const STAFF: usize = 3;

/// Time limit to reconnect after a restart; requests that were running at the stop may fail within it.
const RECONNECT_LIMIT: Duration = Duration::from_secs(4);

/// How long the server is paused.
const FROZEN: Duration = Duration::from_mins(1);

/// How long the table is locked (seconds); longer than a request waits for a lock.
const LOCKED: u64 = 15;

/// Maximum response time of health checks; visitors wait longer.
const HEALTH_CHECK_LIMIT: Duration = Duration::from_secs(4);

/// Time limit for a pause or a lock to be noticed, and for the recovery.
const GRACE: Duration = Duration::from_secs(35);

pub(crate) fn run(shell: &Shell, program: &Path, times: u32) -> Result<String> {
    let server = PostgresServer::find(shell)?;
    let place = Place::new(shell, program, &[("DATABASE_URL", server.url.clone())])?;
    place.fill_with_demo_data()?;
    let site = place.start()?;
    let address = site.address;
    let mut browsers = Browser::several_logged_in(address, STAFF)?;
    let (load, ledger) = (Load::default(), Ledger::default());
    let visits = [("GET", "/lettings/1/", 200)];
    let work = || {
        let mut restarted = Duration::ZERO;
        for _ in 0..times {
            thread::sleep(Duration::from_secs(1));
            load.may_be_busy.store(true, Ordering::SeqCst);
            server.stop()?;
            thread::sleep(Duration::from_millis(500));
            server.start()?;
            let found = time_to(address, 200, RECONNECT_LIMIT)?;
            restarted = restarted.max(found);
            thread::sleep(RECONNECT_LIMIT.saturating_sub(found));
            load.may_be_busy.store(false, Ordering::SeqCst);
        }
        thread::sleep(Duration::from_secs(1));
        load.may_be_busy.store(true, Ordering::SeqCst);
        let frozen = server.freeze()?;
        let machines = ask_machines(address)?;
        drop(frozen);
        let found = time_to(address, 200, GRACE)?;
        let saved = ledger.saved().len();

        let hold = format!("BEGIN; LOCK TABLE lettings; SELECT pg_sleep({LOCKED})");
        let mut holder = Command::new("psql")
            .args(["--quiet", "--command", &hold, &server.url])
            .spawn()
            .context("could not start psql")?;
        let locked = time_to(address, 503, GRACE)?;
        ensure!(holder.wait()?.success(), "the table could not be locked");
        let freed = time_to(address, 200, GRACE)?;
        thread::sleep(Duration::from_secs(2));
        ensure!(ledger.saved().len() > saved, "no save succeeded afterwards");
        Ok([restarted, machines, found, locked, freed])
    };
    let [restarted, machines, found, locked, freed] = ledger
        .during(address, &mut browsers, || {
            load.during(VISITORS, address, &visits, work)
        })
        .with_context(|| site.log())?;
    load.check()?;
    site.stop(shell)?;
    let saved = ledger.saved();
    rows::check(&place, &rows::copy(&place, &server.url)?, &saved)?;
    Ok(format!(
        "{} requests, {} times 503, each within {:.1?}; {times} restarts: found again within {restarted:.1?}; paused for \
         a minute: /readyz within {machines:.1?}, found again within {found:.1?}; a locked table: 503 after {locked:.1?}, \
         well again within {freed:.1?}; {} saves acknowledged, none lost",
        load.done(),
        load.busy(),
        load.slowest(),
        saved.len(),
    ))
}

/// Requests the health checks while the server is paused; returns the longest response time.
fn ask_machines(address: SocketAddr) -> Result<Duration> {
    let start = Instant::now();
    let mut longest = Duration::ZERO;
    while start.elapsed() < FROZEN {
        for (target, status) in [("/healthz", 200), ("/readyz", 503)] {
            let asked = Instant::now();
            let response = get(address, target)?;
            longest = longest.max(asked.elapsed());
            ensure!(response.status == status, "{target}: {}", response.status);
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
fn time_to(address: SocketAddr, status: u16, limit: Duration) -> Result<Duration> {
    wait_until(limit, &format!("a page gets {status}"), || {
        Ok(get(address, "/lettings/1/")?.status == status)
    })
}
