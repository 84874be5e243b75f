//! PostgreSQL restarted under load: requests get 503 while it is down, and never otherwise.

use std::path::Path;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::Duration;

use anyhow::Result;
use xshell::Shell;

use crate::load::{Load, wait_until};
use crate::postgres_server::PostgresServer;
use soak::browser::get;
use soak::site::Place;

/// Number of visitors.
const VISITORS: usize = 4;

/// Time limit for the site to reconnect; requests that were running at the stop may fail within it.
const GRACE: Duration = Duration::from_secs(4);

pub(crate) fn run(shell: &Shell, program: &Path, times: u32) -> Result<String> {
    let server = PostgresServer::find(shell)?;
    let place = Place::new(shell, program, &[("DATABASE_URL", server.url.clone())])?;
    place.fill_with_demo_data()?;
    let site = place.start()?;
    let (load, url) = (Load::default(), format!("http://{}", site.address));
    let mut longest = Duration::ZERO;
    load.during(VISITORS, &url, &[("GET", "/lettings/1/", 200)], || {
        for _ in 0..times {
            thread::sleep(Duration::from_secs(1));
            load.may_be_busy.store(true, Ordering::SeqCst);
            server.stop()?;
            thread::sleep(Duration::from_millis(500));
            server.start()?;
            let found = wait_until(GRACE, "the site finds the server again", || {
                Ok(get(site.address, "/lettings/1/")?.status == 200)
            })?;
            longest = longest.max(found);
            thread::sleep(GRACE.saturating_sub(found));
            load.may_be_busy.store(false, Ordering::SeqCst);
        }
        Ok(())
    })?;
    site.stop(shell)?;
    load.check()?;
    Ok(format!(
        "{times} restarts, {} requests, {} times 503 and only while it was away, found again within {longest:.1?}",
        load.done(),
        load.busy(),
    ))
}
