//! The migrations, embedded in the program, and the one way to run them.

use std::collections::BTreeSet;

use diesel::migration::{Migration, MigrationConnection, MigrationSource};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};

use crate::connection::DbConnection;

const POSTGRES: EmbeddedMigrations = embed_migrations!("../../migrations/postgres");
const SQLITE: EmbeddedMigrations = embed_migrations!("../../migrations/sqlite");

/// The key of PostgreSQL's advisory lock around migrations: any number, as long as every node uses the same.
const LOCK: i64 = 0x6f63_6c65_7474_696e;

/// What a database lacks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// Whether no migration was ever run on it.
    pub brand_new: bool,
    /// The versions that it still needs, in order.
    pub pending: Vec<String>,
}

/// Why a database could not be brought up to date.
#[derive(Debug, thiserror::Error)]
pub enum MigrateError {
    /// Its last migration is one that this program does not have.
    #[error(
        "the database is newer than this program: it knows the migration {0}, which this version does not have"
    )]
    Newer(String),
    /// A migration failed, and was rolled back with all that came before it in this run.
    #[error("the migration {version} failed: {source}")]
    Failed {
        /// The migration's version.
        version: String,
        /// What the database said.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The list of migrations could not be read.
    #[error("cannot read the list of migrations: {0}")]
    Database(#[from] diesel::result::Error),
}

/// What the database lacks, without changing anything.
pub fn status(conn: &mut DbConnection) -> Result<Status, MigrateError> {
    let known = versions(conn);
    let applied = applied(conn)?;
    if let Some(newest) = applied.difference(&known).last() {
        return Err(MigrateError::Newer(newest.clone()));
    }
    Ok(Status {
        brand_new: applied.is_empty(),
        pending: known.difference(&applied).cloned().collect(),
    })
}

/// Brings the database up to date and tells what it lacked before.
///
/// Takes a lock that every node respects and reads the list again behind it, so that processes started at once
/// migrate once. All or nothing: one transaction holds the whole run.
pub fn migrate(conn: &mut DbConnection) -> Result<Status, MigrateError> {
    let before = status(conn)?;
    if before.pending.is_empty() {
        return Ok(before);
    }
    conn.write(|conn| {
        if let DbConnection::Postgres(postgres) = conn {
            diesel::sql_query("SELECT pg_advisory_xact_lock($1)")
                .bind::<BigInt, _>(LOCK)
                .execute(postgres)?;
        }
        let status = status(conn)?;
        match conn {
            DbConnection::Postgres(postgres) => run(postgres, &POSTGRES, &status.pending)?,
            DbConnection::Sqlite(sqlite) => run(sqlite, &SQLITE, &status.pending)?,
        }
        Ok(status)
    })
}

/// Runs the migrations named in `pending`, in order.
fn run<C>(conn: &mut C, source: &EmbeddedMigrations, pending: &[String]) -> Result<(), MigrateError>
where
    C: MigrationConnection + MigrationHarness<C::Backend>,
{
    conn.setup()?;
    for migration in sorted::<C::Backend>(source) {
        let version = migration.name().version().to_string();
        if pending.contains(&version) {
            conn.run_migration(&migration)
                .map_err(|source| MigrateError::Failed { version, source })?;
        }
    }
    Ok(())
}

fn sorted<B: diesel::backend::Backend>(source: &EmbeddedMigrations) -> Vec<Box<dyn Migration<B>>> {
    let mut migrations = MigrationSource::<B>::migrations(source)
        .expect("embedded migrations were parsed when the program was built");
    migrations.sort_by_key(|migration| migration.name().version().as_owned());
    migrations
}

/// The versions that this program has for the database behind `conn`.
pub(crate) fn versions(conn: &DbConnection) -> BTreeSet<String> {
    fn of<B: diesel::backend::Backend>(source: &EmbeddedMigrations) -> BTreeSet<String> {
        sorted::<B>(source)
            .iter()
            .map(|m| m.name().version().to_string())
            .collect()
    }
    match conn {
        DbConnection::Postgres(_) => of::<diesel::pg::Pg>(&POSTGRES),
        DbConnection::Sqlite(_) => of::<diesel::sqlite::Sqlite>(&SQLITE),
    }
}

/// The versions that were run on the database. Diesel's own way to ask creates the table; this one only reads.
fn applied(conn: &mut DbConnection) -> QueryResult<BTreeSet<String>> {
    const TABLE: &str = "__diesel_schema_migrations";
    let exists = match conn {
        DbConnection::Postgres(_) => {
            "SELECT count(*) FROM pg_tables WHERE schemaname = current_schema() AND tablename = "
        }
        DbConnection::Sqlite(_) => {
            "SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = "
        }
    };
    let tables: i64 = diesel::dsl::sql::<BigInt>(exists)
        .bind::<Text, _>(TABLE)
        .get_result(conn)?;
    if tables == 0 {
        return Ok(BTreeSet::new());
    }
    let versions: Vec<String> =
        diesel::dsl::sql::<Text>("SELECT version FROM __diesel_schema_migrations").load(conn)?;
    Ok(versions.into_iter().collect())
}

#[cfg(test)]
mod tests {
    use std::sync::Barrier;

    use super::*;
    use crate::testing::{TestDb, on_both};

    /// Undoes every migration, the last one first.
    fn revert_all(conn: &mut DbConnection) -> anyhow::Result<()> {
        match conn {
            DbConnection::Postgres(postgres) => postgres.revert_all_migrations(POSTGRES).map(drop),
            DbConnection::Sqlite(sqlite) => sqlite.revert_all_migrations(SQLITE).map(drop),
        }
        .map_err(|error| anyhow::anyhow!(error))
    }

    #[test]
    fn both_databases_have_the_same_migrations() {
        let postgres = sorted::<diesel::pg::Pg>(&POSTGRES);
        let sqlite = sorted::<diesel::sqlite::Sqlite>(&SQLITE);

        assert!(
            postgres
                .iter()
                .map(|m| m.name().to_string())
                .eq(sqlite.iter().map(|m| m.name().to_string()))
        );
    }

    #[test]
    fn up_down_up() -> anyhow::Result<()> {
        on_both(|conn| {
            revert_all(conn)?;
            let bare = status(conn)?;
            migrate(conn)?;

            assert!(bare.brand_new);
            assert_eq!(
                status(conn)?,
                Status {
                    brand_new: false,
                    pending: vec![]
                }
            );
            crate::testing::user(conn, "ada")?;
            Ok(())
        })
    }

    #[test]
    fn started_at_once_they_migrate_once() -> anyhow::Result<()> {
        for db in TestDb::each()? {
            revert_all(&mut db.connect()?)?;
            let all = versions(&db.connect()?).len();
            let start = Barrier::new(4);

            let lacked: Vec<usize> = std::thread::scope(|scope| {
                let runs: Vec<_> = (0..4)
                    .map(|_| {
                        scope.spawn(|| -> anyhow::Result<usize> {
                            let mut conn = db.connect()?;
                            start.wait();
                            Ok(migrate(&mut conn)?.pending.len())
                        })
                    })
                    .collect();
                runs.into_iter()
                    .map(|run| run.join().expect("no run panics"))
                    .collect::<Result<_, _>>()
            })?;

            assert_eq!(lacked.iter().sum::<usize>(), all, "{lacked:?}");
        }
        Ok(())
    }

    #[test]
    fn a_database_from_the_future_is_refused() -> anyhow::Result<()> {
        on_both(|conn| {
            diesel::sql_query(
                "INSERT INTO __diesel_schema_migrations (version) VALUES ('29990101000000')",
            )
            .execute(conn)?;

            let refused = migrate(conn).map_err(|error| error.to_string());

            assert!(refused.is_err_and(|message| message.contains("newer than this program")));
            Ok(())
        })
    }
}
