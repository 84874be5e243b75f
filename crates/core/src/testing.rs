//! Test databases.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::{Context, Result, bail};
use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool, Text};
use tempfile::TempDir;
use url::Url;

use crate::connection::DbConnection;
use crate::database_url::DatabaseUrl;
use crate::migrations;
use crate::open::open;

/// Serializes the creation of the template database between test binaries that share a server.
const TEMPLATE_LOCK: i64 = 0x7465_6d70_6c61_7465;

/// A migrated database for one test; removed on drop.
pub struct TestDb {
    url: DatabaseUrl,
    place: Place,
}

enum Place {
    /// Keeps the folder until the test ends.
    Folder(#[expect(dead_code, reason = "kept for its drop")] TempDir),
    /// The URL of the server's `postgres` database, for dropping this one.
    Server { admin: DatabaseUrl, name: String },
}

/// Numbers the databases of this process.
static COUNTER: AtomicU32 = AtomicU32::new(0);

impl TestDb {
    /// A SQLite file in a temporary folder.
    pub fn sqlite() -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let url = DatabaseUrl::Sqlite(folder.path().join("test.sqlite3"));
        migrations::migrate(&mut open(&url)?)?;
        Ok(Self {
            url,
            place: Place::Folder(folder),
        })
    }

    /// A database on the server in `TEST_POSTGRES_URL`; `None` if that is unset.
    ///
    /// # Errors
    /// In CI (`CI` set) a missing server is an error, so that no test is skipped silently.
    pub fn postgres() -> Result<Option<Self>> {
        let Some(server) = variable("TEST_POSTGRES_URL") else {
            if variable("CI").is_some() {
                bail!("TEST_POSTGRES_URL is not set; `cargo xtask test` starts a server");
            }
            eprintln!(
                "not tested on PostgreSQL: TEST_POSTGRES_URL is not set (see `cargo xtask test`)"
            );
            return Ok(None);
        };
        let number = COUNTER.fetch_add(1, Ordering::Relaxed);
        let name = format!("oc_test_{}_{number}", std::process::id());

        let admin: DatabaseUrl = server.parse()?;
        let mut conn = open(&admin)?;
        let template = template(&mut conn, &server)?;
        conn.batch_execute(&format!("CREATE DATABASE {name} TEMPLATE {template}"))?;
        Ok(Some(Self {
            url: database(&server, &name)?,
            place: Place::Server { admin, name },
        }))
    }

    /// One database of each available kind.
    pub fn each() -> Result<Vec<Self>> {
        Ok([Some(Self::sqlite()?), Self::postgres()?]
            .into_iter()
            .flatten()
            .collect())
    }

    /// Its URL.
    pub fn url(&self) -> &DatabaseUrl {
        &self.url
    }

    /// A new connection to it.
    pub fn connect(&self) -> Result<DbConnection> {
        Ok(open(&self.url)?)
    }
}

impl Drop for TestDb {
    fn drop(&mut self) {
        if let Place::Server { admin, name } = &self.place
            && let Ok(mut conn) = open(admin)
            && let Err(error) = conn.batch_execute(&format!("DROP DATABASE {name} WITH (FORCE)"))
        {
            eprintln!("the test database {name} stays behind: {error}");
        }
    }
}

/// Runs a test on SQLite and, if available, on PostgreSQL, each time with a new migrated database.
pub fn on_both(test: impl Fn(&mut DbConnection) -> Result<()>) -> Result<()> {
    for db in TestDb::each()? {
        test(&mut db.connect()?).with_context(|| format!("on {}", db.url()))?;
    }
    Ok(())
}

/// Name of the migrated template database, created by the first test that needs it. The name depends on the migrations,
/// so that a long-running server never provides an outdated one.
fn template(conn: &mut DbConnection, server: &str) -> Result<String> {
    let name = format!("oc_template_{:x}", fingerprint()?);

    diesel::sql_query("SELECT pg_advisory_lock($1)")
        .bind::<BigInt, _>(TEMPLATE_LOCK)
        .execute(conn)?;
    let ready: bool = diesel::dsl::sql::<Bool>(
        "SELECT EXISTS (SELECT 1 FROM pg_database WHERE datistemplate AND datname = ",
    )
    .bind::<Text, _>(&name)
    .sql(")")
    .get_result(conn)?;
    if !ready {
        conn.batch_execute(&format!("DROP DATABASE IF EXISTS {name}"))?;
        conn.batch_execute(&format!("CREATE DATABASE {name}"))?;
        migrations::migrate(&mut open(&database(server, &name)?)?)?;
        conn.batch_execute(&format!("ALTER DATABASE {name} IS_TEMPLATE true"))?;
    }
    diesel::sql_query("SELECT pg_advisory_unlock($1)")
        .bind::<BigInt, _>(TEMPLATE_LOCK)
        .execute(conn)?;
    Ok(name)
}

/// A hash of the migrations in the folder and of those in this binary.
fn fingerprint() -> Result<u64> {
    let mut hasher = DefaultHasher::new();
    migrations::versions().hash(&mut hasher);
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../migrations/postgres");
    let mut files: Vec<_> = std::fs::read_dir(folder)?
        .map(|entry| entry.map(|entry| entry.path().join("up.sql")))
        .collect::<std::io::Result<_>>()?;
    files.sort();
    for file in files {
        std::fs::read_to_string(file)?.hash(&mut hasher);
    }
    Ok(hasher.finish())
}

/// The server's URL with another database.
fn database(server: &str, name: &str) -> Result<DatabaseUrl> {
    let mut url = Url::parse(server)?;
    url.set_path(name);
    Ok(DatabaseUrl::Postgres(url.into()))
}

#[expect(
    clippy::disallowed_methods,
    reason = "tests have no configuration but their environment"
)]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}
