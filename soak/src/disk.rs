//! A disk that fills up while staff save: saves get 503, pages can still be read, and nothing is lost.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use xshell::{Shell, cmd};

use crate::rows;
use soak::browser::{Browser, get};
use soak::site::Place;
use soak::staff::{Ledger, Shift};

/// Time limit for filling the disk.
const PATIENCE: Duration = Duration::from_mins(3);

pub(crate) fn run(shell: &Shell, program: &Path) -> Result<String> {
    if cmd!(shell, "id -u").quiet().read()? != "0" {
        return Ok("not tried: only root can make a small disk".to_owned());
    }
    let disk = shell.create_temp_dir()?;
    let folder = disk.path();
    cmd!(shell, "mount -t tmpfs -o size=3m tmpfs {folder}")
        .quiet()
        .run()?;
    let outcome = fill(shell, program, folder);
    cmd!(shell, "umount {folder}").quiet().run()?;
    outcome
}

fn fill(shell: &Shell, program: &Path, folder: &Path) -> Result<String> {
    let database = folder.join("oc-lettings.sqlite3");
    let url = format!("sqlite://{}", database.display());
    let place = Place::new(shell, program, &[("DATABASE_URL", url)])?;
    place.fill_with_demo_data()?;
    let ballast = folder.join("ballast");
    fs::write(&ballast, vec![0; 1 << 20])?;
    let site = place.start()?;
    let browsers = vec![
        Browser::logged_in(site.address)?,
        Browser::logged_in(site.address)?,
    ];
    let ledger = Arc::new(Ledger::default());

    let shift = Shift::start(site.address, &ledger, browsers);
    let start = Instant::now();
    while ledger.refused() < 20 {
        ensure!(start.elapsed() < PATIENCE, "the disk does not fill up");
        thread::sleep(Duration::from_millis(10));
    }
    let before = ledger.saved().len();
    let page = get(site.address, "/lettings/1/")?;
    fs::remove_file(&ballast)?;
    let start = Instant::now();
    while ledger.saved().len() < before + 5 {
        ensure!(
            start.elapsed() < PATIENCE,
            "nothing can be saved on a disk with room"
        );
        thread::sleep(Duration::from_millis(10));
    }
    shift.end().with_context(|| site.log())?;
    site.stop(shell)?;

    ensure!(
        page.status == 200,
        "a page was answered with {}",
        page.status
    );
    rows::check(&place, &database, &ledger.saved())?;
    Ok(format!(
        "{} saves acknowledged, {} told to come again while the disk was full, none lost, pages went on",
        ledger.saved().len(),
        ledger.refused(),
    ))
}
