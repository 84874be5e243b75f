//! The import as a whole: check the file, then write it in one transaction.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use anyhow::{Context, bail, ensure};
use audit::AuditEntry;
use lettings::{Address, Letting};
use oc_core::{DatabaseUrl, DbConnection, open_read_only};
use profiles::NewProfile;
use transfer::progress::Progress;
use transfer::table::Table;
use transfer::{Input, Occupied, ReferenceSchema, Target, rows, sequences};

use super::admin_log::check_entry;
use super::layout::Model;
use super::migration::{Migration, Options};
use super::permissions;
use super::report::{Outcome, Report};
use super::site::{check_address, check_letting, check_profile};
use super::source::Source;
use super::users::{check_group, check_user, insert_groups, insert_users};

/// Imports a file into an empty database: all of it, or nothing. The database is not opened before the file is known to
/// be good.
pub fn import(input: &Input, options: Options, url: &DatabaseUrl) -> anyhow::Result<Report> {
    let name = input.name().display();
    if DatabaseUrl::Sqlite(input.path().to_owned()).is_same(url) {
        bail!("{name} is the database of DATABASE_URL; set DATABASE_URL to a new database");
    }
    let mut source = Source::open(input).with_context(|| format!("could not import {name}"))?;
    let mut report = Report::new(&source);
    let mut leaked = HashMap::new();
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
    Target::open(url)?.fill(Occupied::Reject, &mut reference, |conn, reference| {
        let mut written = Report::new(&source);
        run_pass(&mut source, Some(conn), options, &mut written, &mut leaked)?;
        ensure!(
            written.counts == report.counts,
            "{name} changed while it was read; nothing was imported"
        );
        check_and_advance(conn, &reference.tables, &report, &last_ids)
    })?;
    report.outcome = Outcome::Imported;
    Ok(report)
}

/// Checks every row and, with a database, inserts it. Returns the last id that the old site assigned for each model.
fn run_pass(
    source: &mut Source,
    conn: Option<&mut DbConnection>,
    options: Options,
    report: &mut Report,
    leaked: &mut HashMap<i64, bool>,
) -> anyhow::Result<BTreeMap<Model, i64>> {
    let rows = Model::ALL.iter().map(|model| source.count(*model)).sum();
    let activity = if conn.is_some() {
        "writing"
    } else {
        "checking"
    };
    let mut migration = Migration {
        conn,
        progress: Progress::new(activity, rows),
        options,
        layout: source.layout,
        permissions: permissions::read(source)?,
        report,
        leaked,
        imported: BTreeMap::new(),
        last_ids: BTreeMap::new(),
    };
    migration.import(source, Model::Group, check_group, insert_groups)?;
    migration.import(source, Model::User, check_user, insert_users)?;
    migration.import(source, Model::Address, check_address, Address::restore)?;
    migration.import(source, Model::Letting, check_letting, Letting::restore)?;
    migration.import(source, Model::Profile, check_profile, NewProfile::restore)?;
    let insert_entries = AuditEntry::insert_imported;
    migration.import(source, Model::LogEntry, check_entry, insert_entries)?;
    for model in Model::ALL {
        migration.note_id(model, source.last_id(model)?);
    }
    Ok(migration.last_ids)
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
    last_ids: &BTreeMap<Model, i64>,
) -> anyhow::Result<()> {
    for model in Model::ALL {
        let (Some(name), Some(table)) = (model.report_name(), model.table_on_site()) else {
            continue;
        };
        let found = tables.iter().find(|found| found.name == table);
        let table = found.with_context(|| format!("the table {table} is missing"))?;
        let imported = report.counts[name].imported;
        let found = rows::count(conn, table)?;
        ensure!(
            found == imported,
            "the table {} has {found} rows instead of {imported}; nothing was imported",
            table.name
        );
        sequences::advance(conn, table, last_ids.get(&model).copied().unwrap_or(0))?;
    }
    Ok(())
}
