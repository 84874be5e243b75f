//! Advisory and row locks.

use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt};

use crate::connection::DbConnection;

/// Locks a row against other writers that also use [`lock`]. Requires a transaction.
///
/// SQLite has only one writer at a time; PostgreSQL takes an advisory lock for the transaction.
pub fn lock(conn: &mut DbConnection, model: &str, id: i64) -> QueryResult<()> {
    if let DbConnection::Postgres(postgres) = conn {
        diesel::sql_query("SELECT pg_advisory_xact_lock_shared($1), pg_advisory_xact_lock($2)")
            .bind::<BigInt, _>(key(model, ALL))
            .bind::<BigInt, _>(key(model, id))
            .execute(postgres)?;
    }
    Ok(())
}

/// Locks all rows of a kind against writers that use [`lock`]. Requires a transaction. Takes a single lock for any
/// number of rows, because PostgreSQL has room for a few thousand only.
pub fn lock_all(conn: &mut DbConnection, model: &str) -> QueryResult<()> {
    if let DbConnection::Postgres(postgres) = conn {
        diesel::sql_query("SELECT pg_advisory_xact_lock($1)")
            .bind::<BigInt, _>(key(model, ALL))
            .execute(postgres)?;
    }
    Ok(())
}

/// Locks rows against changes and new references until the end of the transaction, and waits for writers that are
/// active. Call it before reading what refers to the rows.
///
/// SQLite has only one writer at a time; PostgreSQL takes row locks.
pub fn hold(conn: &mut DbConnection, table: &'static str, ids: &[i64]) -> QueryResult<()> {
    if let DbConnection::Postgres(postgres) = conn {
        // Always in the same order, to prevent deadlocks.
        let rows = format!("SELECT id FROM {table} WHERE id = ANY($1) ORDER BY id FOR UPDATE");
        diesel::sql_query(rows)
            .bind::<Array<BigInt>, _>(ids)
            .execute(postgres)?;
    }
    Ok(())
}

/// Lock key for all rows; no row has this id.
const ALL: i64 = -1;

fn key(model: &str, id: i64) -> i64 {
    model.bytes().fold(id, |key, byte| {
        key.wrapping_mul(31).wrapping_add(byte.into())
    })
}

#[cfg(test)]
mod tests {
    use std::thread;
    use std::time::{Duration, Instant};

    use anyhow::{Context, ensure};
    use diesel::connection::SimpleConnection;

    use super::*;
    use crate::testing::TestDb;

    fn wait_for_two(conn: &mut DbConnection) -> anyhow::Result<()> {
        let waiting = "SELECT count(DISTINCT pid) FROM pg_locks WHERE NOT granted \
                       AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";
        let end = Instant::now() + Duration::from_mins(1);
        while diesel::dsl::sql::<BigInt>(waiting).get_result::<i64>(conn)? < 2 {
            ensure!(Instant::now() < end, "no transaction is waiting");
            thread::yield_now();
        }
        Ok(())
    }

    #[test]
    fn waiting_transactions_get_a_lock_in_turn() -> anyhow::Result<()> {
        let Some(db) = TestDb::postgres()? else {
            return Ok(());
        };
        for id in [0, 7] {
            let holder = &mut db.connect()?;
            holder.batch_execute("BEGIN")?;
            lock(holder, "model", id)?;
            thread::scope(|scope| {
                let wait = || {
                    let conn = &mut db.connect()?;
                    Ok::<_, anyhow::Error>(conn.write(|conn| lock(conn, "model", id))?)
                };
                let waiters = [scope.spawn(wait), scope.spawn(wait)];
                let waited = wait_for_two(holder);
                // Also after a failure, or the other thread would wait forever.
                holder.batch_execute("COMMIT")?;
                waited?;
                for waiter in waiters {
                    waiter.join().ok().context("a thread panicked")??;
                }
                Ok::<_, anyhow::Error>(())
            })?;
        }
        Ok(())
    }
}
