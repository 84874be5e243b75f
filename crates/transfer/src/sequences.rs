//! Id sequences: the last id of a table, and advancing it.

use anyhow::Context;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Nullable, Text};
use oc_core::DbConnection;

use super::table::{Table, quoted};

/// The largest id that the table ever assigned; 0 without a sequence.
///
/// PostgreSQL's sequences are not transactional, so this may be ahead of a snapshot, never behind. A role that may not
/// read the sequence gets the largest id that is there.
pub fn last_id(conn: &mut DbConnection, table: &Table) -> anyhow::Result<i64> {
    let (assigned, largest) = last_ids(conn, table)?;
    Ok(assigned.unwrap_or_default().max(largest))
}

/// Whether another tool inserted rows with ids that the sequence doesn't know: new rows would get the same ids.
pub(super) fn is_behind(conn: &mut DbConnection, table: &Table) -> anyhow::Result<bool> {
    let (assigned, largest) = last_ids(conn, table)?;
    Ok(assigned.is_some_and(|assigned| assigned < largest))
}

/// The last id that the sequence assigned, if the role may know, and the largest id that is there.
fn last_ids(conn: &mut DbConnection, table: &Table) -> anyhow::Result<(Option<i64>, i64)> {
    let Some(column) = table.sequence_column() else {
        return Ok((None, 0));
    };
    let assigned: Option<i64> = match conn {
        DbConnection::Postgres(_) => diesel::dsl::sql::<Nullable<BigInt>>(
            "SELECT CASE WHEN has_sequence_privilege(name, 'SELECT, USAGE') \
             THEN coalesce(pg_sequence_last_value(name), 0) END \
             FROM (SELECT pg_get_serial_sequence(quote_ident(",
        )
        .bind::<Text, _>(&table.name)
        .sql("), ")
        .bind::<Text, _>(&column.name)
        .sql(")::regclass AS name) AS sequence")
        .get_result(conn),
        DbConnection::Sqlite(_) => diesel::dsl::sql::<Nullable<BigInt>>(
            "SELECT max(seq) FROM sqlite_sequence WHERE name = ",
        )
        .bind::<Text, _>(&table.name)
        .get_result(conn),
    }
    .with_context(|| format!("could not find the sequence of the table {}", table.name))?;
    let largest: i64 = diesel::dsl::sql::<BigInt>(&format!(
        "SELECT coalesce(max({}), 0) FROM {}",
        quoted(&column.name),
        table.quoted()
    ))
    .get_result(conn)?;
    Ok((assigned, largest))
}

/// Makes new rows get ids after `last_id`. A sequence is never set back.
pub fn advance(conn: &mut DbConnection, table: &Table, last_id: i64) -> anyhow::Result<()> {
    let Some(column) = table.sequence_column() else {
        return Ok(());
    };
    let last_id = last_id.max(self::last_id(conn, table)?);
    if last_id < 1 {
        return Ok(());
    }
    match conn {
        DbConnection::Postgres(_) => {
            diesel::sql_query(
                "SELECT setval(pg_get_serial_sequence(quote_ident($1), $2)::regclass, $3)",
            )
            .bind::<Text, _>(&table.name)
            .bind::<Text, _>(&column.name)
            .bind::<BigInt, _>(last_id)
            .execute(conn)?;
        }
        DbConnection::Sqlite(_) => {
            let changed = diesel::sql_query("UPDATE sqlite_sequence SET seq = $1 WHERE name = $2")
                .bind::<BigInt, _>(last_id)
                .bind::<Text, _>(&table.name)
                .execute(conn)?;
            if changed == 0 {
                diesel::sql_query("INSERT INTO sqlite_sequence (seq, name) VALUES ($1, $2)")
                    .bind::<BigInt, _>(last_id)
                    .bind::<Text, _>(&table.name)
                    .execute(conn)?;
            }
        }
    }
    Ok(())
}
