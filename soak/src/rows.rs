//! Checks of the database after a trial.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::{Result, ensure};

use soak::site::Place;

/// Fails if an acknowledged title is missing from the database, or the database is damaged.
pub(crate) fn check(place: &Place<'_>, database: &Path, saved: &BTreeSet<String>) -> Result<()> {
    let integrity = place.sqlite(database, "PRAGMA integrity_check; PRAGMA foreign_key_check")?;
    ensure!(integrity == "ok", "the database is damaged: {integrity}");
    let titles = place.sqlite(database, "SELECT title FROM lettings")?;
    let there: BTreeSet<&str> = titles.lines().collect();
    let lost: Vec<&String> = saved
        .iter()
        .filter(|title| !there.contains(title.as_str()))
        .collect();
    ensure!(
        lost.is_empty(),
        "{} acknowledged saves are lost: {lost:?}",
        lost.len()
    );
    Ok(())
}

/// Copies a database to a SQLite file, where [`check`] can read it.
pub(crate) fn copy(place: &Place<'_>, from: &str) -> Result<PathBuf> {
    let copy = place.folder().join("copy.sqlite3");
    let to = format!("sqlite://{}", copy.display());
    place.tell(&["copy", "--from", from, "--to", &to])?;
    Ok(copy)
}
