//! `kill -9` at random moments while staff save lettings: no acknowledged save is lost.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::path::Path;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result};
use xshell::Shell;

use crate::rows;
use soak::browser::Browser;
use soak::site::Place;
use soak::staff::Ledger;

/// Number of staff.
const STAFF: usize = 4;

/// Maximum time before a kill (milliseconds).
const LONGEST: u64 = 400;

pub(crate) fn run(shell: &Shell, program: &Path, times: u32) -> Result<String> {
    let place = Place::new(shell, program, &[])?;
    place.fill_with_demo_data()?;
    let site = place.start()?;
    let mut browsers = Browser::several_logged_in(site.address, STAFF)?;
    site.kill()?;
    let ledger = Ledger::default();
    let random = RandomState::new();
    for kill in 0..times {
        let site = place.start()?;
        ledger.during(site.address, &mut browsers, || {
            thread::sleep(Duration::from_millis(random.hash_one(kill) % LONGEST));
            site.kill()
        })?;
        rows::check(&place, &place.database(), &ledger.saved())
            .with_context(|| format!("after kill {}", kill + 1))?;
    }
    let site = place.start()?;
    ledger.during(site.address, &mut browsers, || {
        thread::sleep(Duration::from_secs(1));
        Ok(())
    })?;
    site.stop(shell)?;
    rows::check(&place, &place.database(), &ledger.saved())?;
    Ok(format!(
        "{times} kills, {} saves acknowledged, none lost, integrity_check ok each time",
        ledger.saved().len()
    ))
}
