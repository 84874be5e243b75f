//! Opening a connection with safe settings.

use std::path::Path;

use diesel::connection::SimpleConnection;
use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::r2d2::PoolError;
use diesel::sql_types::Text;
use diesel::{ConnectionError, PgConnection, SqliteConnection};

use crate::connection::DbConnection;
use crate::database_url::{DatabaseUrl, sqlite_uri};
use crate::search;
use crate::timeouts::{SQLITE_BUSY_TIMEOUT, with_limits};

/// Oldest tested major version of PostgreSQL. SQLite is part of the program.
const OLDEST_POSTGRES: i32 = 15;

const SQLITE_SETTINGS: &str = "PRAGMA journal_mode = WAL; \
     PRAGMA synchronous = FULL; \
     PRAGMA foreign_keys = ON;";

/// The last statement reads, so that an unreadable database fails here.
const SQLITE_READ_ONLY_SETTINGS: &str =
    "PRAGMA query_only = ON; SELECT count(*) FROM sqlite_schema;";

/// Why a connection could not be opened.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "parts of the message")]
pub enum OpenError {
    /// The database does not exist or rejects the connection.
    #[error("cannot open the database {url}: {source}")]
    Connect {
        url: DatabaseUrl,
        source: ConnectionError,
    },
    /// The connection was opened, but does not work.
    #[error("cannot use the database {url}: {source}")]
    Use {
        url: DatabaseUrl,
        source: diesel::result::Error,
    },
    /// An untested version.
    #[error("PostgreSQL {0} is too old; this program needs {OLDEST_POSTGRES} or later")]
    TooOld(String),
    /// No connection in time.
    #[error(transparent)]
    Pool(#[from] PoolError),
}

impl OpenError {
    fn connect(url: &DatabaseUrl) -> impl FnOnce(ConnectionError) -> Self {
        let url = url.clone();
        |source| Self::Connect { url, source }
    }

    pub(crate) fn unusable(url: &DatabaseUrl) -> impl FnOnce(diesel::result::Error) -> Self {
        let url = url.clone();
        |source| Self::Use { url, source }
    }
}

/// Opens a connection; creates a missing SQLite file.
pub fn open(url: &DatabaseUrl) -> Result<DbConnection, OpenError> {
    create_private_file(url);
    match url {
        DatabaseUrl::Sqlite(path) => open_sqlite(url, &path.to_string_lossy(), SQLITE_SETTINGS),
        DatabaseUrl::Postgres(address) => check_version(open_postgres(url, address)?, url),
    }
}

/// Creates a missing SQLite file that only its owner may read, since it will contain password hashes.
fn create_private_file(url: &DatabaseUrl) {
    use std::os::unix::fs::OpenOptionsExt;

    let is_memory = |path: &Path| path.to_string_lossy().contains(":memory:");
    // Also behind a symbolic link. An existing file keeps its mode; opening another kind could block.
    if let Some(path) = url.file().filter(|path| !is_memory(path) && !path.exists()) {
        let mut options = std::fs::OpenOptions::new();
        options.write(true).create(true).truncate(false).mode(0o600);
        // A failure is reported by SQLite.
        if let Err(error) = options.open(path) {
            log::debug!("did not create {url}: {error}");
        }
    }
}

/// Opens a connection, but doesn't create a missing SQLite file.
pub(crate) fn open_existing(url: &DatabaseUrl) -> Result<DbConnection, OpenError> {
    match url {
        DatabaseUrl::Sqlite(path) => {
            open_sqlite(url, &sqlite_uri(path, "mode=rw"), SQLITE_SETTINGS)
        }
        DatabaseUrl::Postgres(address) => open_postgres(url, address),
    }
}

/// Opens a connection on which every write fails, also to a database on read-only storage.
pub fn open_read_only(url: &DatabaseUrl) -> Result<DbConnection, OpenError> {
    match url {
        DatabaseUrl::Postgres(address) => {
            let mut conn = open_postgres(url, address)?;
            conn.batch_execute("SET default_transaction_read_only = on")
                .map_err(OpenError::unusable(url))?;
            check_version(conn, url)
        }
        DatabaseUrl::Sqlite(path) => {
            let attempt =
                |mode| open_sqlite(url, &sqlite_uri(path, mode), SQLITE_READ_ONLY_SETTINGS);
            match attempt("mode=ro") {
                // A database in WAL mode needs a file next to it even for reading. If that can't be created, no other
                // process can write either, so the file can be opened as immutable, unless its log has content.
                Err(_) if is_whole(path) => attempt("mode=ro&immutable=1"),
                opened => opened,
            }
        }
    }
}

/// Whether the file exists and its log is empty.
fn is_whole(path: &Path) -> bool {
    let mut log = path.as_os_str().to_owned();
    log.push("-wal");
    let log_is_empty = std::fs::metadata(log).map_or(true, |log| log.len() == 0);
    path.is_file() && log_is_empty
}

fn open_postgres(url: &DatabaseUrl, address: &str) -> Result<DbConnection, OpenError> {
    PgConnection::establish(&with_limits(address))
        .map(DbConnection::Postgres)
        .map_err(OpenError::connect(url))
}

fn open_sqlite(url: &DatabaseUrl, place: &str, settings: &str) -> Result<DbConnection, OpenError> {
    let file = url.file();
    if file.is_some_and(|path| path.exists() && !path.is_file()) {
        let error = ConnectionError::BadConnection("file is not a database".to_owned());
        return Err(OpenError::connect(url)(error));
    }
    let mut conn = SqliteConnection::establish(place).map_err(OpenError::connect(url))?;
    // Switching to WAL needs a lock that another connection may hold.
    conn.batch_execute(SQLITE_BUSY_TIMEOUT)
        .and_then(|()| conn.batch_execute(settings))
        .and_then(|()| search::register_fold(&mut conn))
        .map_err(OpenError::unusable(url))?;
    Ok(DbConnection::Sqlite(conn))
}

/// Name and version of the database.
pub fn version(conn: &mut DbConnection) -> QueryResult<(&'static str, String)> {
    let (name, query) = match conn {
        DbConnection::Postgres(_) => ("PostgreSQL", "SELECT current_setting('server_version')"),
        DbConnection::Sqlite(_) => ("SQLite", "SELECT sqlite_version()"),
    };
    Ok((name, sql::<Text>(query).get_result(conn)?))
}

/// Rejects an unsupported version of PostgreSQL.
fn check_version(mut conn: DbConnection, url: &DatabaseUrl) -> Result<DbConnection, OpenError> {
    let (_, version) = version(&mut conn).map_err(OpenError::unusable(url))?;
    // Such as “15.18 (Debian 15.18-1)” and “19beta1”.
    let major = version.split(|c: char| !c.is_ascii_digit()).next();
    match major.map(str::parse::<i32>) {
        Some(Ok(major)) if major < OLDEST_POSTGRES => Err(OpenError::TooOld(version)),
        _ => Ok(conn),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::notes;
    use crate::testing::TestDb;

    #[test]
    fn a_new_sqlite_file_is_private() -> anyhow::Result<()> {
        use std::os::unix::fs::PermissionsExt;

        let directory = tempfile::tempdir()?;
        let path = directory.path().join("a.sqlite3");

        open(&DatabaseUrl::Sqlite(path.clone()))?;

        assert_eq!(path.metadata()?.permissions().mode() & 0o777, 0o600);
        Ok(())
    }

    /// Kind of fault: a commit that was acknowledged is gone after a power cut.
    #[test]
    fn a_commit_to_sqlite_is_on_disk() -> anyhow::Result<()> {
        for (name, earlier) in [
            // chiselstrike/chiselstrike#1854, WordPress/sqlite-database-integration#483: WAL without a sync per commit.
            ("a new file", ""),
            // dani-garcia/vaultwarden#1241: another tool has left WAL mode.
            (
                "rollback journal",
                "PRAGMA journal_mode = DELETE; CREATE TABLE x (a);",
            ),
            // stashapp/stash#1684: another tool writes without syncs.
            ("no syncs", "PRAGMA synchronous = OFF; CREATE TABLE x (a);"),
            // mozilla/glean#3478: a journal in memory.
            (
                "no journal",
                "PRAGMA journal_mode = MEMORY; CREATE TABLE x (a);",
            ),
            // couchbase/couchbase-lite-ios#1482: a journal that was left behind.
            ("WAL", "PRAGMA journal_mode = WAL; CREATE TABLE x (a);"),
        ] {
            let directory = tempfile::tempdir()?;
            let path = directory.path().join("a.sqlite3");
            let url = DatabaseUrl::Sqlite(path.clone());
            SqliteConnection::establish(&path.to_string_lossy())?.batch_execute(earlier)?;

            let mut pooled = crate::connect_pool(url.clone(), 1)?.get()?;
            for conn in [&mut open(&url)?, &mut open_existing(&url)?, &mut *pooled] {
                let mut pragma = |name: &str| -> anyhow::Result<String> {
                    let query = format!("SELECT CAST({name} AS TEXT) FROM pragma_{name}");
                    Ok(diesel::dsl::sql::<Text>(&query).get_result(conn)?)
                };
                assert_eq!(pragma("journal_mode")?, "wal", "{name}");
                assert_eq!(pragma("synchronous")?, "2", "{name}");
                assert_eq!(pragma("foreign_keys")?, "1", "{name}");
            }

            // As they are after a power cut: nobody has closed the database.
            let mut conn = open(&url)?;
            diesel::sql_query("CREATE TABLE y (b)").execute(&mut conn)?;
            let copy = directory.path().join("copy.sqlite3");
            std::fs::copy(&path, &copy)?;
            let wal = |file: &Path| file.with_extension("sqlite3-wal");
            std::fs::copy(wal(&path), wal(&copy))?;
            let mut copy = open(&DatabaseUrl::Sqlite(copy))?;
            let found = diesel::sql_query("SELECT b FROM y").execute(&mut copy);
            assert!(found.is_ok(), "{name}: {found:?}");
        }
        Ok(())
    }

    #[test]
    fn an_unavailable_server_is_named() {
        let url = DatabaseUrl::Postgres("postgres://oc:secret@%2Fno%2Fsuch%2Fsocket/oc".to_owned());

        let message = open(&url)
            .err()
            .map(|error| error.to_string())
            .unwrap_or_default();

        assert!(
            message.contains("cannot open the database postgres://oc@"),
            "{message}"
        );
        assert!(!message.contains("secret"), "{message}");
    }

    #[test]
    fn a_read_only_connection_rejects_writes() -> anyhow::Result<()> {
        for db in TestDb::each()? {
            let mut writer = db.connect()?;
            notes::create(&mut writer)?;
            notes::insert(&mut writer, "one")?;

            let mut conn = open_read_only(db.url())?;

            assert_eq!(notes::all(&mut conn)?, ["one"]);
            assert!(notes::insert(&mut conn, "two").is_err());
            assert!(conn.write(|conn| notes::insert(conn, "two")).is_err());
        }
        Ok(())
    }

    #[test]
    fn a_file_with_an_odd_name_is_found() -> anyhow::Result<()> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("50% #1?.sqlite3");
        open(&DatabaseUrl::Sqlite(path.clone()))?;

        assert!(open_read_only(&DatabaseUrl::Sqlite(path)).is_ok());
        Ok(())
    }

    #[test]
    fn a_missing_database_is_not_created() -> anyhow::Result<()> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("none.sqlite3");

        assert!(open_read_only(&DatabaseUrl::Sqlite(path.clone())).is_err());
        assert!(!path.exists());
        Ok(())
    }
}
