//! Read-only connections, also to a database on read-only storage.

use std::path::Path;

use diesel::SqliteConnection;
use diesel::connection::SimpleConnection;
use diesel::prelude::*;

use crate::connection::DbConnection;
use crate::database_url::{DatabaseUrl, sqlite_uri};
use crate::open::{OpenError, check_version, open_postgres};
use crate::search;

/// The last statement reads, so that an unreadable database fails here.
const SQLITE_SETTINGS: &str = "PRAGMA busy_timeout = 5000; \
     PRAGMA query_only = ON; \
     SELECT count(*) FROM sqlite_schema;";

/// Opens a connection on which every write fails.
pub fn open_read_only(url: &DatabaseUrl) -> Result<DbConnection, OpenError> {
    match url {
        DatabaseUrl::Postgres(address) => {
            let mut conn = open_postgres(url, address)?;
            conn.batch_execute("SET default_transaction_read_only = on")
                .map_err(OpenError::unusable(url))?;
            check_version(conn, url)
        }
        DatabaseUrl::Sqlite(path) => {
            let attempt = |mode| -> Result<SqliteConnection, OpenError> {
                let conn = SqliteConnection::establish(&sqlite_uri(path, mode));
                let mut conn = conn.map_err(OpenError::connect(url))?;
                conn.batch_execute(SQLITE_SETTINGS)
                    .and_then(|()| search::register_fold(&mut conn))
                    .map_err(OpenError::unusable(url))?;
                Ok(conn)
            };
            let opened = match attempt("mode=ro") {
                // A database in WAL mode needs a file next to it even for reading. If that can't be created, no other
                // process can write either, so the file can be opened as immutable, unless its log has content.
                Err(_) if is_whole(path) => attempt("mode=ro&immutable=1"),
                opened => opened,
            };
            opened.map(DbConnection::Sqlite)
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::notes;
    use crate::testing::TestDb;

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
        crate::open::open(&DatabaseUrl::Sqlite(path.clone()))?;

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
