//! Django sites of both layouts and with every fault, imported into both databases.

mod database;
mod dump;
mod layout;
mod rows;
mod site;
mod whole;

use std::path::Path;

use anyhow::Result;
use oc_core::DatabaseUrl;
use oc_core::testing::TestDb;
use transfer::Input;

use crate::report::Report;
use crate::{Options, Outcome, import};

const DRY_RUN: Options = Options {
    dry_run: true,
    skip_bad: false,
    show_emails: false,
};

const SKIP_BAD: Options = Options {
    dry_run: false,
    skip_bad: true,
    show_emails: false,
};

/// Imports a file as the command does.
fn run(db: &TestDb, path: &Path, options: Options) -> Result<Report> {
    import(&Input::open(path)?, options, db.url())
}

/// Imports a file without problems.
fn imported(db: &TestDb, path: &Path) -> Result<Report> {
    let report = run(db, path, Options::default())?;
    assert_eq!(report.outcome, Outcome::Imported, "{report}");
    Ok(report)
}

/// Checks a file without a database.
fn checked(path: &Path) -> Result<Report> {
    let nowhere = DatabaseUrl::Sqlite("missing.sqlite3".into());
    import(&Input::open(path)?, DRY_RUN, &nowhere)
}

/// Why a file is rejected as a whole.
fn rejection(path: &Path) -> String {
    let error = checked(path).err();
    error.map(|error| format!("{error:#}")).unwrap_or_default()
}

/// Rows read and imported.
fn counts(report: &Report, name: &str) -> (u64, u64) {
    let counts = report.counts[name];
    (counts.read, counts.imported)
}

/// Whether a warning of the report contains all of these words.
fn warns(report: &Report, words: &[&str]) -> bool {
    let report = report.to_string();
    let has_all = |line: &str| words.iter().all(|word| line.contains(word));
    let (_, warnings) = report.split_once("\nWarnings:\n").unwrap_or_default();
    let mut warnings = warnings.lines().take_while(|line| !line.is_empty());
    warnings.any(has_all)
}
