//! A standby promoted under load: cached pages lose no request, saves get 503 meanwhile, and no acknowledged save is lost.

use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use xshell::Shell;

use crate::load::{Load, Visit};
use crate::postgres_server::PostgresServer;
use crate::rows;
use soak::browser::Browser;
use soak::site::Place;
use soak::staff::{Ledger, Shift};

/// Numbers of visitors and of staff.
const VISITORS: usize = 4;
const STAFF: usize = 2;

/// Acknowledged saves before the crash.
const SAVED: usize = 50;

/// Rejected saves before the promotion.
const REJECTED: u64 = 6;

/// Time limit for saves to be rejected, and then to succeed again.
const PATIENCE: Duration = Duration::from_mins(1);

const VISITS: [Visit; 3] = [
    ("GET", "/", 200),
    ("GET", "/lettings/", 200),
    ("GET", "/lettings/1/", 200),
];

pub(crate) fn run(shell: &Shell, program: &Path) -> Result<String> {
    let primary = PostgresServer::find(shell)?;
    let mut url = primary.create_database(shell, "failover")?;
    let standby = primary.create_standby(shell)?;
    let host = |server: &PostgresServer| format!("localhost:{}", server.port);
    let standby_url = url.replace(&host(&primary), &host(&standby));
    url = url.replace(
        &host(&primary),
        &format!("{},{}", host(&primary), host(&standby)),
    );
    url.push_str("?target_session_attrs=read-write");
    let settings = [
        ("DATABASE_URL", url),
        ("ALLOWED_HOSTS", "localhost,127.0.0.1".to_owned()),
    ];
    let place = Place::new(shell, program, &settings)?;
    place.fill_with_demo_data()?;
    let site = place.start()?;
    let browsers = (0..STAFF).map(|_| Browser::logged_in(site.address));
    let browsers = browsers.collect::<Result<Vec<_>>>()?;
    let (load, ledger) = (Load::default(), Arc::new(Ledger::default()));
    let shift = Shift::start(site.address, &ledger, browsers);
    let url = format!("http://{}", site.address);
    let (before, found) = load.during(VISITORS, &url, &VISITS, || {
        wait_until(|| ledger.saved().len() >= SAVED).context("no save succeeds")?;
        primary.crash(shell)?;
        wait_until(|| ledger.refused() >= REJECTED).context("saves are not rejected")?;
        let before = ledger.saved().len();
        standby.promote(shell)?;
        let promoted = Instant::now();
        wait_until(|| ledger.saved().len() > before).context("no save succeeds")?;
        let found = promoted.elapsed();
        load.wait_for_more(1_000);
        Ok((before, found))
    })?;
    shift.end().with_context(|| site.log())?;
    site.stop(shell)?;
    let copy = place.folder().join("copy.sqlite3");
    let to = format!("sqlite://{}", copy.display());
    place.tell(&["copy", "--from", &standby_url, "--to", &to])?;
    standby.drop_cluster(shell)?;
    primary.start(shell)?;
    primary.configure(shell, "RESET synchronous_standby_names")?;
    ensure!(load.failed() == 0, "{} requests failed", load.failed());
    let saved = ledger.saved();
    rows::check(&place, &copy, &saved)?;
    Ok(format!(
        "{} pages, none failed; {before} saves before and {} after, {} times 503, none lost; saved again within {found:.1?}",
        load.done(),
        saved.len() - before,
        ledger.refused(),
    ))
}

fn wait_until(condition: impl Fn() -> bool) -> Result<()> {
    let start = Instant::now();
    while !condition() {
        ensure!(start.elapsed() < PATIENCE, "not within {PATIENCE:?}");
        thread::sleep(Duration::from_millis(5));
    }
    Ok(())
}
