//! Embedded migrations.

use std::collections::{BTreeMap, BTreeSet};

use diesel::migration::{Migration, MigrationConnection, MigrationSource};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};

use crate::connection::DbConnection;

const POSTGRES: EmbeddedMigrations = embed_migrations!("../../migrations/postgres");
const SQLITE: EmbeddedMigrations = embed_migrations!("../../migrations/sqlite");

/// Key of PostgreSQL's advisory lock around migrations. Arbitrary, but the same on every node.
const LOCK: i64 = 0x6f63_6c65_7474_696e;

/// Migration status of a database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// Whether no migration was ever applied.
    pub brand_new: bool,
    /// Versions of pending migrations, in order.
    pub pending: Vec<String>,
    /// Versions applied by a newer release, in order; all are marked as compatible with this one.
    pub unknown: Vec<String>,
}

/// Errors of migrations.
#[derive(Debug, thiserror::Error)]
pub enum MigrateError {
    /// The database has a migration that this program doesn't know and that is not compatible with it.
    #[error(
        "the database is newer than this program: it knows the migration {0}, which this version does not have"
    )]
    Newer(String),
    /// The database belongs to a Django edition of the site.
    #[error(
        "the database belongs to a Django site; set DATABASE_URL to a new one and use `oc-lettings import-django`"
    )]
    Django,
    /// A migration failed; the whole run was rolled back.
    #[error("the migration {version} failed: {source}")]
    Failed {
        /// Version of the migration.
        version: String,
        /// Message of the database.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The list of migrations could not be read.
    #[error("cannot read the list of migrations: {0}")]
    Database(#[from] diesel::result::Error),
}

/// Migration status; changes nothing. Rejects the file of a Django site, which would otherwise get a second, empty site.
///
/// A migration that only adds inserts itself into `compatible_migrations`, with the newest migration that a program
/// must know to work with it. An older release can run on a database with compatible migrations; any other unknown
/// migration stops it.
pub fn status(conn: &mut DbConnection) -> Result<Status, MigrateError> {
    let known = versions();
    let applied = applied(conn)?;
    // A PostgreSQL database may be shared with other programs.
    let is_file = matches!(conn, DbConnection::Sqlite(_));
    if applied.is_empty() && is_file && has_table(conn, "django_migrations")? {
        return Err(MigrateError::Django);
    }
    let pending: Vec<String> = known.difference(&applied).cloned().collect();
    let unknown: Vec<String> = applied.difference(&known).cloned().collect();
    if !unknown.is_empty() {
        let compatible = compatible(conn)?;
        let newest = known.last();
        let works = |version| {
            let since = compatible.get(version);
            pending.is_empty() && since.is_some() && since <= newest
        };
        if let Some(version) = unknown.iter().rev().find(|version| !works(*version)) {
            return Err(MigrateError::Newer(version.clone()));
        }
    }
    Ok(Status {
        brand_new: applied.is_empty(),
        pending,
        unknown,
    })
}

/// Like [`migrate`], but rejects every newer database, even a compatible one: for commands that must know all tables.
pub fn migrate_exactly(conn: &mut DbConnection) -> Result<Status, MigrateError> {
    let status = migrate(conn)?;
    match status.unknown.last() {
        Some(version) => Err(MigrateError::Newer(version.clone())),
        None => Ok(status),
    }
}

/// Applies pending migrations and returns the status before.
///
/// Takes a lock that every node respects and then reads the list again, so that processes started together migrate
/// once. The whole run is one transaction.
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

/// Applies the `pending` migrations, in order.
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

/// Versions known to this program; both databases have the same.
pub(crate) fn versions() -> BTreeSet<String> {
    let migrations = sorted::<diesel::sqlite::Sqlite>(&SQLITE).into_iter();
    let versions = migrations.map(|migration| migration.name().version().to_string());
    versions.collect()
}

/// Versions applied to the database. Diesel's own query would create the table; this one only reads.
fn applied(conn: &mut DbConnection) -> QueryResult<BTreeSet<String>> {
    if !has_table(conn, "__diesel_schema_migrations")? {
        return Ok(BTreeSet::new());
    }
    let versions: Vec<String> =
        diesel::dsl::sql::<Text>("SELECT version FROM __diesel_schema_migrations").load(conn)?;
    Ok(versions.into_iter().collect())
}

/// Compatible migrations, each with the newest migration that a program must know.
fn compatible(conn: &mut DbConnection) -> QueryResult<BTreeMap<String, String>> {
    if !has_table(conn, "compatible_migrations")? {
        return Ok(BTreeMap::new());
    }
    let rows: Vec<(String, String)> =
        diesel::dsl::sql::<(Text, Text)>("SELECT version, since FROM compatible_migrations")
            .load(conn)?;
    Ok(rows.into_iter().collect())
}

fn has_table(conn: &mut DbConnection, name: &str) -> QueryResult<bool> {
    let count = match conn {
        DbConnection::Postgres(_) => {
            "SELECT count(*) FROM pg_tables WHERE schemaname = current_schema() AND tablename = "
        }
        DbConnection::Sqlite(_) => {
            "SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = "
        }
    };
    let tables: i64 = diesel::dsl::sql::<BigInt>(count)
        .bind::<Text, _>(name)
        .get_result(conn)?;
    Ok(tables > 0)
}

#[cfg(test)]
mod tests {
    use std::sync::Barrier;

    use diesel::connection::SimpleConnection;

    use super::*;
    use crate::testing::{TestDb, on_both};

    /// Reverts every migration, newest first.
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
                    pending: vec![],
                    unknown: vec![]
                }
            );
            Ok(())
        })
    }

    #[test]
    fn only_a_file_of_django_is_rejected() -> anyhow::Result<()> {
        on_both(|conn| {
            revert_all(conn)?;
            conn.batch_execute("CREATE TABLE django_migrations (id INTEGER)")?;

            let is_rejected = matches!(migrate(conn), Err(MigrateError::Django));

            assert_eq!(is_rejected, matches!(conn, DbConnection::Sqlite(_)));
            Ok(())
        })
    }

    #[test]
    fn concurrent_processes_migrate_once() -> anyhow::Result<()> {
        for db in TestDb::each()? {
            revert_all(&mut db.connect()?)?;
            let all = versions().len();
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

    /// A database migrated by a program with one more migration.
    fn migrate_further(conn: &mut DbConnection, since: Option<&str>) -> QueryResult<()> {
        diesel::sql_query(
            "INSERT INTO __diesel_schema_migrations (version) VALUES ('29990101000000')",
        )
        .execute(conn)?;
        if let Some(since) = since {
            diesel::sql_query(format!(
                "INSERT INTO compatible_migrations (version, since) VALUES ('29990101000000', '{since}')"
            ))
            .execute(conn)?;
        }
        Ok(())
    }

    #[test]
    fn a_newer_database_is_rejected_unless_it_is_compatible() -> anyhow::Result<()> {
        on_both(|conn| {
            migrate_further(conn, None)?;
            let refused = migrate(conn).map_err(|error| error.to_string());
            assert!(refused.is_err_and(|message| message.contains("newer than this program")));
            Ok(())
        })?;
        on_both(|conn| {
            migrate_further(conn, Some("29980101000000"))?;
            assert!(matches!(migrate(conn), Err(MigrateError::Newer(_))));
            Ok(())
        })?;
        on_both(|conn| {
            let newest = versions().last().cloned().unwrap_or_default();
            migrate_further(conn, Some(&newest))?;

            assert_eq!(migrate(conn)?.unknown, ["29990101000000"]);
            assert!(matches!(migrate_exactly(conn), Err(MigrateError::Newer(_))));
            Ok(())
        })
    }

    #[test]
    fn every_migration_declares_its_compatibility() -> anyhow::Result<()> {
        /// Migrations that earlier programs are not compatible with; the first one introduced the mark.
        const BREAKING: [&str; 1] = ["20261123025000"];

        on_both(|conn| {
            let said = compatible(conn)?;
            let silent: Vec<String> = versions()
                .into_iter()
                .filter(|version| version.as_str() >= BREAKING[0])
                .filter(|version| !said.contains_key(version))
                .collect();

            assert_eq!(silent, BREAKING);
            Ok(())
        })
    }
}
