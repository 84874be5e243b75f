//! The import as a whole: check the file, then write it in one transaction.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, bail, ensure};
use oc_core::{DatabaseUrl, DbConnection, open_read_only};
use transfer::table::Table;
use transfer::{Input, Occupied, ReferenceSchema, Target as TargetDatabase, rows, sequences};

use super::layout::Model;
use super::leaked_passwords::LeakedPasswords;
use super::migration::{Migration, Options};
use super::report::{Outcome, Report, Target};
use super::source::Source;
use super::{admin_log, permissions, site, users};

/// Imports a file into an empty database: all of it, or nothing. The database is not opened before the file is known to
/// be good.
pub fn import(input: &Input, options: Options, url: &DatabaseUrl) -> anyhow::Result<Report> {
    let name = input.name().display();
    if DatabaseUrl::Sqlite(input.path().to_owned()).is_same(url) {
        bail!("{name} is the database of DATABASE_URL; set DATABASE_URL to a new database");
    }
    let mut source = Source::open(input).with_context(|| format!("could not import {name}"))?;
    let mut report = new_report(&source);
    let mut leaked = LeakedPasswords::default();
    let last_ids = run_pass(&mut source, None, options, &mut report, &mut leaked)
        .with_context(|| format!("could not import {name}"))?;
    if !report.problems.is_empty() && !options.skip_bad {
        report.outcome = Outcome::Rejected;
        return Ok(report);
    }
    let mut reference = ReferenceSchema::new()?;
    if options.dry_run {
        check_target(url, &mut reference)?;
        return Ok(report);
    }
    TargetDatabase::open(url)?.fill(Occupied::Reject, &mut reference, |conn, _, tables| {
        let mut written = new_report(&source);
        run_pass(&mut source, Some(conn), options, &mut written, &mut leaked)?;
        ensure!(
            written.counts == report.counts,
            "{name} changed while it was read; nothing was imported"
        );
        check_and_advance(conn, tables, &report, &last_ids)
    })?;
    report.outcome = Outcome::Imported;
    Ok(report)
}

/// Checks every row and, with a database, inserts it. Returns the last id that the old site assigned for each table.
fn run_pass(
    source: &mut Source,
    conn: Option<&mut DbConnection>,
    options: Options,
    report: &mut Report,
    leaked: &mut LeakedPasswords,
) -> anyhow::Result<BTreeMap<Target, i64>> {
    let rows = Model::ALL.iter().map(|model| source.count(*model)).sum();
    let permissions = permissions::read(source)?;
    let mut migration = Migration::new(conn, rows, permissions, options, report, leaked);
    users::import_groups(source, &mut migration)?;
    users::import_users(source, &mut migration)?;
    site::import_addresses(source, &mut migration)?;
    site::import_lettings(source, &mut migration)?;
    site::import_profiles(source, &mut migration)?;
    admin_log::import_entries(source, &mut migration)?;
    for target in Target::ALL {
        if let Some(model) = target.model() {
            let last_id = source.last_id(model)?;
            migration.note_id(target, last_id);
        }
    }
    Ok(migration.into_last_ids())
}

fn new_report(source: &Source) -> Report {
    let format = if source.is_dump {
        "dumpdata JSON"
    } else {
        "SQLite database"
    };
    let mut report = Report::new(format!("{format}, {}", source.layout.name()));
    let not_imported = source.not_imported();
    report.not_imported = not_imported
        .map(|(name, rows)| (name.to_owned(), rows))
        .collect();
    report
}

/// Rejects a dry run for a database that an import would reject. One that does not exist is fine.
fn check_target(url: &DatabaseUrl, reference: &mut ReferenceSchema) -> anyhow::Result<()> {
    let is_missing = |file: &Path| std::fs::metadata(file).map_or(true, |file| file.len() == 0);
    if url.file().is_some_and(|file| is_missing(file.as_ref())) {
        return Ok(());
    }
    reference.check_empty(&mut open_read_only(url)?)
}

/// Compares the number of rows in the database with those of the file, and makes sure that ids are never used again.
fn check_and_advance(
    conn: &mut DbConnection,
    tables: &[Table],
    report: &Report,
    last_ids: &BTreeMap<Target, i64>,
) -> anyhow::Result<()> {
    for (target, counts) in &report.counts {
        let is_target = |table: &&Table| Some(table.name.as_str()) == target.table();
        let Some(table) = tables.iter().find(is_target) else {
            continue;
        };
        let found = rows::count(conn, table)?;
        ensure!(
            found == counts.imported,
            "the table {} has {found} rows instead of {}; nothing was imported",
            table.name,
            counts.imported
        );
        sequences::advance(conn, table, last_ids.get(target).copied().unwrap_or(0))?;
    }
    Ok(())
}
