//! A disk that fills up while staff save: saves get 503, pages can still be read, and nothing is lost.

use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use xshell::{Shell, cmd};

use crate::load::wait_until;
use crate::rows;
use soak::browser::{Browser, get};
use soak::site::Place;
use soak::staff::Ledger;

/// Time limit for filling the disk.
const PATIENCE: Duration = Duration::from_mins(3);

pub(crate) fn run(shell: &Shell, program: &Path) -> Result<String> {
    if cmd!(shell, "id -u").quiet().read()? != "0" {
        return Ok("not tried: only root can make a small disk".to_owned());
    }
    let disk = shell.create_temp_dir()?;
    let folder = disk.path();
    cmd!(shell, "mount -t tmpfs -o size=9m tmpfs {folder}")
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
    fs::write(&ballast, vec![0; 4 << 20])?;
    let site = place.start()?;
    let mut browsers = Browser::several_logged_in(site.address, 2)?;
    let ledger = Ledger::default();

    let work = || {
        wait_until(PATIENCE, "the disk fills up", || Ok(ledger.refused() >= 20))?;
        let before = ledger.saved().len();
        let page = get(site.address, "/lettings/1/")?;
        fs::remove_file(&ballast)?;
        wait_until(PATIENCE, "saves succeed on a disk with room", || {
            Ok(ledger.saved().len() >= before + 5)
        })?;
        Ok(page)
    };
    let page = ledger
        .during(site.address, &mut browsers, work)
        .with_context(|| site.log())?;
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
