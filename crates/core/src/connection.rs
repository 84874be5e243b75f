//! Database connection: SQLite or PostgreSQL behind the same queries.

use diesel::connection::{AnsiTransactionManager, SimpleConnection, TransactionManager};
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::query_dsl::methods::ExecuteDsl;
use diesel::result::{Error, QueryResult};
use diesel::{PgConnection, RunQueryDsl, SqliteConnection, backend};

/// A connection to either database.
#[derive(diesel::MultiConnection)]
pub enum DbConnection {
    /// PostgreSQL 15 or later.
    Postgres(PgConnection),
    /// The bundled SQLite.
    Sqlite(SqliteConnection),
}

/// The backend of [`DbConnection`], for the types of boxed queries.
pub type Backend = <DbConnection as diesel::Connection>::Backend;

type Transactions = <DbConnection as diesel::Connection>::TransactionManager;

impl DbConnection {
    /// Whether the database responds.
    pub fn check(&mut self) -> QueryResult<()> {
        self.batch_execute("SELECT 1")
    }

    /// Inserts several rows. Diesel has no multi-row insert for `MultiConnection`, so this dispatches on the backend.
    pub fn insert_rows<Insert>(&mut self, insert: Insert) -> QueryResult<()>
    where
        Insert: ExecuteDsl<PgConnection> + ExecuteDsl<SqliteConnection>,
    {
        match self {
            Self::Postgres(postgres) => ExecuteDsl::execute(insert, postgres).map(drop),
            Self::Sqlite(sqlite) => ExecuteDsl::execute(insert, sqlite).map(drop),
        }
    }

    /// Runs `work` in one transaction, which keeps one server connection of a pooler in transaction mode. Transactions
    /// of `work` become savepoints: this commits what they have kept, whatever `work` returns.
    pub(crate) fn on_one_server<T, E>(
        &mut self,
        begin: &str,
        work: impl FnOnce(&mut Self) -> Result<T, E>,
    ) -> Result<T, E>
    where
        E: From<Error>,
    {
        match self {
            Self::Postgres(postgres) => {
                AnsiTransactionManager::begin_transaction_sql(postgres, begin)?;
            }
            Self::Sqlite(_) => return work(self),
        }
        let outcome = work(self);
        match Transactions::commit_transaction(self) {
            Err(error) if outcome.is_ok() => Err(error.into()),
            // The first error is more useful.
            _ => outcome,
        }
    }

    /// Runs `work` in a transaction that may write: committed when it returns `Ok`, rolled back otherwise.
    ///
    /// On SQLite the write lock is taken at the start (`BEGIN IMMEDIATE`). A transaction that reads first and
    /// asks for the lock later fails at once when another writer came between, whatever the busy timeout.
    pub fn write<T, E>(&mut self, work: impl FnOnce(&mut Self) -> Result<T, E>) -> Result<T, E>
    where
        E: From<Error>,
    {
        match self {
            Self::Postgres(postgres) => AnsiTransactionManager::begin_transaction(postgres)?,
            Self::Sqlite(sqlite) => {
                AnsiTransactionManager::begin_transaction_sql(sqlite, "BEGIN IMMEDIATE")?;
            }
        }
        match work(self) {
            Ok(value) => {
                Transactions::commit_transaction(self)?;
                Ok(value)
            }
            Err(error) => match Transactions::rollback_transaction(self) {
                // A broken connection has rolled back already; the first error is more useful.
                Ok(()) | Err(Error::BrokenTransactionManager) => Err(error),
                Err(rollback) => {
                    log::warn!("the rollback failed as well: {rollback}");
                    Err(error)
                }
            },
        }
    }
}

/// Caches the prepared statement by its SQL text, which diesel doesn't do for raw SQL and `IN` lists. Use it only for
/// queries with few distinct texts: the cache is unbounded.
#[derive(Debug)]
pub struct CachedStatement<Q>(pub Q);

impl<Q: QueryFragment<DB>, DB: backend::Backend> QueryFragment<DB> for CachedStatement<Q> {
    fn walk_ast<'b>(&'b self, pass: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        self.0.walk_ast(pass)
    }

    fn is_safe_to_cache_prepared(&self, _: &DB) -> QueryResult<bool> {
        Ok(true)
    }
}

impl<Q> QueryId for CachedStatement<Q> {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<Q: Query> Query for CachedStatement<Q> {
    type SqlType = Q::SqlType;
}

impl<Q, C> RunQueryDsl<C> for CachedStatement<Q> {}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use diesel::RunQueryDsl;
    use diesel::connection::{Connection, InstrumentationEvent};
    use diesel::dsl::sql;
    use diesel::result::Error;
    use diesel::sql_types::Integer;

    use super::CachedStatement;
    use crate::notes;
    use crate::testing::on_both;

    #[test]
    fn a_failed_write_is_rolled_back() -> anyhow::Result<()> {
        on_both(|conn| {
            notes::create(conn)?;

            let outcome: Result<(), Error> = conn.write(|conn| {
                notes::insert(conn, "one")?;
                Err(Error::RollbackTransaction)
            });

            assert_eq!(outcome, Err(Error::RollbackTransaction));
            assert!(notes::all(conn)?.is_empty());
            Ok(())
        })
    }

    #[test]
    fn a_successful_write_is_committed() -> anyhow::Result<()> {
        on_both(|conn| {
            notes::create(conn)?;

            conn.write(|conn| notes::insert(conn, "one"))?;

            assert_eq!(notes::all(conn)?, ["one"]);
            Ok(())
        })
    }

    #[test]
    fn raw_sql_is_prepared_once() -> anyhow::Result<()> {
        on_both(|conn| {
            let prepared = Arc::new(AtomicUsize::new(0));
            let counter = Arc::clone(&prepared);
            conn.set_instrumentation(move |event: InstrumentationEvent<'_>| {
                let is_cached = matches!(event, InstrumentationEvent::CacheQuery { .. });
                counter.fetch_add(is_cached.into(), Ordering::Relaxed);
            });

            for _ in 0..2 {
                CachedStatement(sql::<Integer>("SELECT 1")).get_result::<i32>(conn)?;
            }

            assert_eq!(prepared.load(Ordering::Relaxed), 1);
            Ok(())
        })
    }
}
