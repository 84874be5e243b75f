//! Filling a database with the rows of a source: all of them, checked, or none.

use anyhow::{Context, bail};
use diesel::RunQueryDsl;
use oc_core::{DbConnection, migrations};

use super::batch::Digest;
use super::pristine::Pristine;
use super::progress::Progress;
use super::source::Source;
use super::table::Table;
use super::{catalog, counter, rows};

/// Whether a database may hold rows before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Occupied {
    /// Refuse one that does.
    Refuse,
    /// Remove them, in the same transaction that puts the new ones in.
    Replace,
}

/// Brings the database up to date and fills it, in one transaction: a failure leaves its rows as they were.
///
/// Before the end every row is read back, and must amount to what the source handed out. Ids that were ever
/// given out, there or here, are not given out again.
pub fn load(
    conn: &mut DbConnection,
    source: &mut dyn Source,
    occupied: Occupied,
) -> anyhow::Result<()> {
    let mut pristine = Pristine::new()?;
    let header = source.header().clone();
    pristine.check_known(&header)?;
    check_tables(&header.tables, &pristine.tables)?;
    // Asked before anything is touched, and again when nobody else can write any more.
    if occupied == Occupied::Refuse && !migrations::status(conn)?.brand_new {
        pristine.check_empty(conn)?;
    }
    migrations::migrate_exactly(conn).context("cannot bring the database up to date")?;
    conn.write(|conn| {
        let tables = catalog::tables(conn, Some(&pristine.names()))?;
        check_tables(&header.tables, &tables)?;
        lock(conn, &tables)?;
        if occupied == Occupied::Refuse {
            pristine.check_empty(conn)?;
        }
        // Before they are emptied: the largest id may be that of a row, inserted with its id.
        let given_out = tables
            .iter()
            .map(|table| counter::last_id(conn, table))
            .collect::<anyhow::Result<Vec<_>>>()?;
        rows::empty(conn, &tables)?;
        fill_unknown(conn, &mut pristine, &header.tables)?;
        let digests = fill(conn, source, &header.tables)?;
        check(conn, &header.tables, &digests)?;
        for (table, given_out) in tables.iter().zip(given_out) {
            let last_id = header
                .tables
                .iter()
                .find(|other| other.name == table.name)
                .map_or(0, |other| other.last_id);
            counter::advance(conn, table, last_id.max(given_out))?;
        }
        Ok(())
    })
}

/// Refuses rows that this version has no place for.
fn check_tables(tables: &[Table], targets: &[Table]) -> anyhow::Result<()> {
    for table in tables {
        let target = targets
            .iter()
            .find(|target| target.name == table.name)
            .with_context(|| {
                format!(
                    "this version's database has no table {}; use the version that wrote the rows",
                    table.name
                )
            })?;
        table.check_fits(target)?;
    }
    Ok(())
}

/// Keeps other writers away until the end. SQLite's transaction does so from its beginning.
pub fn lock(conn: &mut DbConnection, tables: &[Table]) -> anyhow::Result<()> {
    if matches!(conn, DbConnection::Postgres(_)) {
        let names: Vec<String> = tables.iter().map(Table::quoted).collect();
        diesel::sql_query(format!("LOCK TABLE {} IN EXCLUSIVE MODE", names.join(", ")))
            .execute(conn)
            .context("cannot lock the tables")?;
    }
    Ok(())
}

/// Gives the tables that came after the rows were written what their migrations put in.
fn fill_unknown(
    conn: &mut DbConnection,
    pristine: &mut Pristine,
    known: &[Table],
) -> anyhow::Result<()> {
    for table in &pristine.tables {
        if !known.iter().any(|other| other.name == table.name) {
            rows::read(&mut pristine.conn, table, &mut |batch| {
                rows::insert(conn, table, batch)
            })?;
        }
    }
    Ok(())
}

fn fill(
    conn: &mut DbConnection,
    source: &mut dyn Source,
    tables: &[Table],
) -> anyhow::Result<Vec<Digest>> {
    let progress = Progress::new("writing", tables.iter().map(|table| table.rows).sum());
    let mut digests = Vec::new();
    for table in tables {
        digests.push(source.rows(table, &mut |batch| {
            progress.add(batch.rows);
            rows::insert(conn, table, batch)
        })?);
    }
    source.finish()?;
    Ok(digests)
}

/// Reads every row back.
fn check(conn: &mut DbConnection, tables: &[Table], digests: &[Digest]) -> anyhow::Result<()> {
    let progress = Progress::new("checking", tables.iter().map(|table| table.rows).sum());
    for (table, expected) in tables.iter().zip(digests) {
        let found = rows::read(conn, table, &mut |batch| {
            progress.add(batch.rows);
            Ok(())
        })?;
        if found != *expected {
            bail!(
                "the table {} does not hold what was written to it ({} rows of {}); nothing was changed",
                table.name,
                found.rows,
                expected.rows
            );
        }
    }
    Ok(())
}
