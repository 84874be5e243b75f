//! Id sequences: the last id of a table, and advancing it.

use anyhow::Context;
use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool, Nullable, Text};
use oc_core::DbConnection;

use super::table::{Table, quoted};

/// The largest id that the table ever assigned; 0 without a sequence.
///
/// PostgreSQL's sequences are not transactional, so this may be ahead of a snapshot, never behind. A role that may not
/// read the sequence gets the largest id that is there.
pub fn last_id(conn: &mut DbConnection, table: &Table) -> anyhow::Result<i64> {
    let (largest, assigned) = last_ids(conn, table)?;
    Ok(assigned.unwrap_or_default().max(largest))
}

/// Whether the sequence is behind the table because another tool inserted explicit ids. SQLite advances it itself.
pub(super) fn is_behind(conn: &mut DbConnection, table: &Table) -> anyhow::Result<bool> {
    if matches!(conn, DbConnection::Sqlite(_)) {
        return Ok(false);
    }
    // A table that is locked is checked the next time.
    let locks = "SELECT EXISTS (SELECT FROM pg_locks \
        WHERE mode = 'AccessExclusiveLock' AND relation = to_regclass(quote_ident(";
    let is_locked = sql::<Bool>(locks)
        .bind::<Text, _>(&table.name)
        .sql(")))")
        .get_result::<bool>(conn)?;
    if is_locked {
        return Ok(false);
    }
    let (largest, assigned) = last_ids(conn, table)?;
    Ok(assigned.is_some_and(|assigned| assigned < largest))
}

/// The largest id that is there, and the last id that the sequence assigned, if the role may know. In this order: rows
/// that are inserted meanwhile only advance the sequence.
fn last_ids(conn: &mut DbConnection, table: &Table) -> anyhow::Result<(i64, Option<i64>)> {
    let Some(column) = table.sequence_column() else {
        return Ok((0, None));
    };
    let largest: i64 = sql::<BigInt>(&format!(
        "SELECT coalesce(max({}), 0) FROM {}",
        quoted(&column.name),
        table.quoted()
    ))
    .get_result(conn)?;
    let assigned = match conn {
        DbConnection::Postgres(_) => assigned_on_postgres(conn, &table.name, &column.name),
        DbConnection::Sqlite(_) => {
            sql::<Nullable<BigInt>>("SELECT max(seq) FROM sqlite_sequence WHERE name = ")
                .bind::<Text, _>(&table.name)
                .get_result(conn)
        }
    }
    .with_context(|| format!("could not find the sequence of the table {}", table.name))?;
    Ok((largest, assigned))
}

fn assigned_on_postgres(
    conn: &mut DbConnection,
    table: &str,
    column: &str,
) -> QueryResult<Option<i64>> {
    let sequence: Option<String> = sql::<Nullable<Text>>(
        "SELECT CASE WHEN has_sequence_privilege(name, 'SELECT') THEN name END \
         FROM (SELECT pg_get_serial_sequence(quote_ident(",
    )
    .bind::<Text, _>(table)
    .sql("), ")
    .bind::<Text, _>(column)
    .sql(") AS name) AS sequence")
    .get_result(conn)?;
    let Some(sequence) = sequence else {
        return Ok(None);
    };
    // After `setval(…, false)` or `RESTART`, the value is the next one.
    let last = format!("SELECT last_value - (NOT is_called)::int FROM {sequence}");
    sql::<BigInt>(&last).get_result(conn).map(Some)
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
            // The table has no unique column, so there is no upsert.
            diesel::sql_query("DELETE FROM sqlite_sequence WHERE name = $1")
                .bind::<Text, _>(&table.name)
                .execute(conn)?;
            diesel::sql_query("INSERT INTO sqlite_sequence (name, seq) VALUES ($1, $2)")
                .bind::<Text, _>(&table.name)
                .bind::<BigInt, _>(last_id)
                .execute(conn)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use diesel::connection::SimpleConnection;
    use oc_core::testing::TestDb;

    use super::*;
    use crate::catalog;

    fn groups(conn: &mut DbConnection) -> anyhow::Result<Table> {
        let mut tables = catalog::tables(conn, None)?.into_iter();
        tables.find(|table| table.name == "groups").context("none")
    }

    #[test]
    fn a_sequence_is_behind_if_its_next_id_exists() -> anyhow::Result<()> {
        let Some(db) = TestDb::postgres()? else {
            return Ok(());
        };
        let conn = &mut db.connect()?;
        let groups = groups(conn)?;
        conn.batch_execute("INSERT INTO groups (id, name) VALUES (4, 'Editors')")?;

        assert!(is_behind(conn, &groups)?);
        for (next, expected) in [(4, true), (5, false)] {
            conn.batch_execute(&format!("ALTER TABLE groups ALTER id RESTART WITH {next}"))?;
            assert_eq!(is_behind(conn, &groups)?, expected, "{next}");
        }
        Ok(())
    }

    #[test]
    fn concurrent_inserts_are_not_reported_as_a_sequence_behind() -> anyhow::Result<()> {
        let Some(db) = TestDb::postgres()? else {
            return Ok(());
        };
        let (conn, writer) = (&mut db.connect()?, &mut db.connect()?);
        let groups = groups(conn)?;
        let is_done = &AtomicBool::new(false);
        std::thread::scope(|scope| {
            let inserting = scope.spawn(move || -> anyhow::Result<()> {
                for name in 0_u64.. {
                    writer
                        .batch_execute(&format!("INSERT INTO groups (name) VALUES ('{name}')"))?;
                    if is_done.load(Ordering::Relaxed) {
                        break;
                    }
                }
                Ok(())
            });
            let checks: anyhow::Result<Vec<bool>> =
                (0..100).map(|_| is_behind(conn, &groups)).collect();
            is_done.store(true, Ordering::Relaxed);
            inserting.join().expect("it didn't panic")?;
            assert!(!checks?.contains(&true));
            Ok(())
        })
    }
}
