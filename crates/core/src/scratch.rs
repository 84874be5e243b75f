//! A copy of the database to try something out in, so that nobody else waits for it.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use diesel::SqliteConnection;
use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sql_types::Text;

use crate::connection::DbConnection;
use crate::read_only::uri;
use crate::search;

/// Nothing of a copy has to outlive its connection. The last line reads, so that the file is open from now on.
const SETTINGS: &str = "PRAGMA journal_mode = MEMORY; \
     PRAGMA synchronous = OFF; \
     PRAGMA foreign_keys = ON; \
     SELECT count(*) FROM sqlite_schema;";

/// A copy of a SQLite database as it is now, which is gone with its connection. None of PostgreSQL, where whoever
/// writes keeps nobody waiting but those who write the same rows; and none where there is no room for it.
pub fn copy(conn: &mut DbConnection) -> Option<DbConnection> {
    let DbConnection::Sqlite(sqlite) = conn else {
        return None;
    };
    match copied(sqlite) {
        Ok(copy) => copy,
        Err(error) => {
            log::warn!("no copy of the database can be made, so it is locked meanwhile: {error}");
            None
        }
    }
}

type Failure = Box<dyn std::error::Error>;

fn copied(sqlite: &mut SqliteConnection) -> Result<Option<DbConnection>, Failure> {
    let file =
        diesel::dsl::sql::<Text>("SELECT file FROM pragma_database_list WHERE name = 'main'");
    let file: String = file.get_result(sqlite)?;
    if file.is_empty() {
        return Ok(None);
    }
    let path = beside(&file);
    let opened = diesel::sql_query("VACUUM INTO ?")
        .bind::<Text, _>(path.to_string_lossy())
        .execute(sqlite)
        .map_err(Failure::from)
        .and_then(|_| open(&path));
    // Whoever has it open keeps it; nobody else finds it.
    remove(&path)?;
    opened.map(Some)
}

/// A place for a copy, in the folder of the database: there may be no other one that can be written.
fn beside(file: &str) -> PathBuf {
    let mut random = [0; 8];
    getrandom::fill(&mut random).expect("the system has a source of random bytes");
    PathBuf::from(format!("{file}-copy-{}", hex::encode(random)))
}

fn remove(path: &Path) -> std::io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn open(path: &Path) -> Result<DbConnection, Failure> {
    let mut sqlite = SqliteConnection::establish(&uri(path, "mode=rw"))?;
    sqlite.batch_execute(SETTINGS)?;
    search::register_fold(&mut sqlite)?;
    Ok(DbConnection::Sqlite(sqlite))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::User;
    use crate::testing::{TestDb, user};

    #[test]
    fn what_is_done_in_a_copy_keeps_nobody_waiting_and_leaves_nothing() -> anyhow::Result<()> {
        let database = TestDb::sqlite()?;
        let (mut conn, mut other) = (database.connect()?, database.connect()?);
        let ada = user(&mut conn, "ada")?;
        let folder = database.url().folder().unwrap();
        let files = || fs::read_dir(&folder).map(Iterator::count);
        let before = files()?;

        let mut copy = copy(&mut conn).expect("there is room");
        let (found, written) = copy.write(|copy| -> anyhow::Result<_> {
            let bob = user(copy, "bob")?;
            assert!(bob > ada);
            Ok((User::find(copy, ada)?, user(&mut other, "carol")))
        })?;

        assert_eq!(found.username, "ada");
        assert!(written.is_ok());
        assert!(User::find_by_username(&mut conn, "bob").is_err());
        assert_eq!(files()?, before);
        Ok(())
    }

    #[test]
    fn of_postgresql_there_is_no_copy() -> anyhow::Result<()> {
        for database in TestDb::each()? {
            let mut conn = database.connect()?;
            let is_sqlite = matches!(conn, DbConnection::Sqlite(_));

            assert_eq!(copy(&mut conn).is_some(), is_sqlite);
        }
        Ok(())
    }
}
