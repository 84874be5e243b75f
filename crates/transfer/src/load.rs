//! Fills a database with the rows of a source, in one transaction.

use anyhow::bail;
use oc_core::DbConnection;

use super::digest::Digest;
use super::progress::Progress;
use super::reference_schema::ReferenceSchema;
use super::source::Source;
use super::table::{Header, Table};
use super::target::{Occupied, Target};
use super::{rows, sequences};

/// Migrates the database and fills it. A failure leaves its rows as they were.
///
/// Before the transaction ends, every row is read back and compared by checksum. Ids that the source or the database
/// ever assigned are not assigned again.
pub fn load(target: Target, source: &mut dyn Source, occupied: Occupied) -> anyhow::Result<()> {
    let mut reference = ReferenceSchema::new()?;
    let header = source.header().clone();
    reference.check_known(&header)?;
    target.fill(occupied, &mut reference, |conn, reference| {
        let tables = &reference.tables;
        // Read before the rows are deleted: the largest id may be that of a row inserted with its id.
        let last_ids = tables
            .iter()
            .map(|table| sequences::last_id(conn, table))
            .collect::<anyhow::Result<Vec<_>>>()?;
        rows::delete_all(conn, tables)?;
        // A table that the source does not know gets what migrations insert.
        let is_unknown = |table: &&Table| header.table(&table.name).is_none();
        for table in tables.iter().filter(is_unknown) {
            rows::read(&mut reference.conn, table, &mut |rows| {
                rows::insert(conn, table, rows)
            })?;
        }
        let digests = source.all_rows("writing", &mut |table, rows| {
            rows::insert(conn, table, rows)
        })?;
        verify(conn, &header, &digests)?;
        for (table, last_id) in tables.iter().zip(last_ids) {
            let other = header.table(&table.name).map_or(0, |other| other.last_id);
            sequences::advance(conn, table, last_id.max(other))?;
        }
        Ok(())
    })
}

/// Reads every row back.
fn verify(conn: &mut DbConnection, header: &Header, digests: &[Digest]) -> anyhow::Result<()> {
    let progress = Progress::new("checking", header.rows());
    for (table, expected) in header.tables.iter().zip(digests) {
        let found = rows::read(conn, table, &mut |rows| {
            progress.add(rows.len());
            Ok(())
        })?;
        if found != *expected {
            bail!(
                "the rows of the table {} differ from what was written ({} of {} rows); nothing was changed",
                table.name,
                found.rows,
                expected.rows
            );
        }
    }
    Ok(())
}
