//! Advisory and row locks.

use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt};

use crate::connection::DbConnection;

/// Keeps every other write to a row waiting until this one is done. Call it within a write.
///
/// SQLite has but one writer at a time; on PostgreSQL it is an advisory lock for the transaction.
pub fn lock(conn: &mut DbConnection, model: &str, id: i64) -> QueryResult<()> {
    if let DbConnection::Postgres(postgres) = conn {
        diesel::sql_query("SELECT pg_advisory_xact_lock_shared($1), pg_advisory_xact_lock($2)")
            .bind::<BigInt, _>(key(model, ALL))
            .bind::<BigInt, _>(key(model, id))
            .execute(postgres)?;
    }
    Ok(())
}

/// Keeps every other write to rows of a kind waiting that asks by [`lock`], until this one is done. Call it within a
/// write. It is one lock, however many rows there are: PostgreSQL has room for some thousands only.
pub fn lock_all(conn: &mut DbConnection, model: &str) -> QueryResult<()> {
    if let DbConnection::Postgres(postgres) = conn {
        diesel::sql_query("SELECT pg_advisory_xact_lock($1)")
            .bind::<BigInt, _>(key(model, ALL))
            .execute(postgres)?;
    }
    Ok(())
}

/// Keeps rows as they are until this write is done: neither is one changed, nor does a new row refer to one; whoever is
/// about to do so is waited for. Call it within a write, before looking at what refers to them.
///
/// SQLite has but one writer at a time; on PostgreSQL these are the locks of the rows themselves.
pub fn hold(conn: &mut DbConnection, table: &'static str, ids: &[i64]) -> QueryResult<()> {
    if let DbConnection::Postgres(postgres) = conn {
        // In one order everywhere, so that two do not wait for each other.
        let rows = format!("SELECT id FROM {table} WHERE id = ANY($1) ORDER BY id FOR UPDATE");
        diesel::sql_query(rows)
            .bind::<Array<BigInt>, _>(ids)
            .execute(postgres)?;
    }
    Ok(())
}

/// The id of no row, and of nothing else that is locked, for the lock on all.
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

    #[derive(QueryableByName)]
    struct Count {
        #[diesel(sql_type = BigInt)]
        count: i64,
    }

    fn wait_for_two(conn: &mut DbConnection) -> anyhow::Result<()> {
        let waiting = "SELECT count(DISTINCT pid) AS count FROM pg_locks WHERE NOT granted \
                       AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";
        let end = Instant::now() + Duration::from_mins(1);
        while diesel::sql_query(waiting).get_result::<Count>(conn)?.count < 2 {
            ensure!(Instant::now() < end, "nobody waits");
            thread::yield_now();
        }
        Ok(())
    }

    #[test]
    fn several_that_wait_for_one_lock_get_it_one_after_the_other() -> anyhow::Result<()> {
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
                // Whatever came of that: else they would wait for ever.
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
