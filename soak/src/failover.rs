//! A standby promoted under load: cached pages lose no request, saves get 503 meanwhile, and no acknowledged save is lost.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};
use xshell::Shell;

use crate::load::{Load, PAGES, wait_until};
use crate::postgres_server::PostgresServer;
use crate::rows;
use soak::browser::Browser;
use soak::site::Place;
use soak::staff::Ledger;

/// Numbers of visitors and of staff.
const VISITORS: usize = 4;
const STAFF: usize = 2;

/// Acknowledged saves before the crash.
const SAVED: usize = 50;

/// Rejected saves before the promotion.
const REJECTED: u64 = 6;

/// Time limit for saves to be rejected, and then to succeed again.
const PATIENCE: Duration = Duration::from_mins(1);

pub(crate) fn run(shell: &Shell, program: &Path) -> Result<String> {
    let primary = PostgresServer::find(shell)?;
    let mut url = primary.create_database("failover")?;
    let standby = primary.create_standby()?;
    let host = |server: &PostgresServer| format!("localhost:{}", server.port);
    let standby_url = url.replace(&host(&primary), &host(&standby));
    url = url.replace(
        &host(&primary),
        &format!("{},{}", host(&primary), host(&standby)),
    );
    url.push_str("?target_session_attrs=read-write");
    let place = Place::new(shell, program, &[("DATABASE_URL", url)])?;
    place.fill_with_demo_data()?;
    let site = place.start()?;
    let mut browsers = Browser::several_logged_in(site.address, STAFF)?;
    let (load, ledger) = (Load::default(), Ledger::default());
    let saved = |count: usize| {
        wait_until(PATIENCE, "saves succeed", || {
            Ok(ledger.saved().len() >= count)
        })
    };
    let work = || {
        saved(SAVED)?;
        primary.crash()?;
        wait_until(PATIENCE, "saves are rejected", || {
            Ok(ledger.refused() >= REJECTED)
        })?;
        let before = ledger.saved().len();
        standby.promote()?;
        let found = saved(before + 1)?;
        load.wait_for_more(1_000);
        Ok((before, found))
    };
    let (before, found) = ledger
        .during(site.address, &mut browsers, || {
            load.during(VISITORS, site.address, &PAGES, work)
        })
        .with_context(|| site.log())?;
    site.stop(shell)?;
    let copy = rows::copy(&place, &standby_url)?;
    standby.drop_cluster()?;
    primary.start()?;
    primary.configure("RESET synchronous_standby_names")?;
    load.check()?;
    let saved = ledger.saved();
    rows::check(&place, &copy, &saved)?;
    Ok(format!(
        "{} pages, none failed; {before} saves before and {} after, {} times 503, none lost; saved again within {found:.1?}",
        load.done(),
        saved.len() - before,
        ledger.refused(),
    ))
}
