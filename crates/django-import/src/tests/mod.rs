//! Django files of every layout and with every fault, imported into both databases.

mod cases;
mod database;
mod dump;
mod layout;
mod merge;
mod odd;
mod site;
mod whole;

use std::path::Path;

use anyhow::Result;
use oc_core::testing::TestDb;
use oc_core::{DatabaseUrl, open};

use super::report::{Moved, Report};
use super::{Options, Outcome, import};

/// Imports a file as the command does.
fn run(db: &TestDb, path: &Path, options: Options) -> Result<Report> {
    import(path, options, db.url(), &|| Ok(Some(open(db.url())?)))
}

/// Imports a file that nothing is wrong with.
fn imported(db: &TestDb, path: &Path) -> Result<Report> {
    let report = run(db, path, Options::default())?;
    assert_eq!(report.outcome, Outcome::Imported, "{report}");
    Ok(report)
}

/// What became of the rows that go to a table.
fn table<'a>(report: &'a Report, into: &str) -> &'a Moved {
    let found = report.tables.iter().find(|table| table.into == into);
    found.expect("every table is told of")
}

/// Whether some warning has all of these words.
fn warns(report: &Report, words: &[&str]) -> bool {
    let has_all = |warning: &String| words.iter().all(|word| warning.contains(word));
    report.warnings.iter().any(has_all)
}

/// Where nothing is opened.
fn nowhere() -> DatabaseUrl {
    DatabaseUrl::Sqlite("nowhere.sqlite3".into())
}
