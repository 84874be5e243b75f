//! Content version: a number that grows with every change to public content.

use diesel::prelude::*;
use diesel::sql_types::BigInt;

use crate::connection::DbConnection;

/// The version as of the latest commit. Triggers increment it in the transaction that changes the content.
pub fn current(conn: &mut DbConnection) -> QueryResult<i64> {
    diesel::dsl::sql::<BigInt>("SELECT version FROM content_version").get_result(conn)
}

/// Increments the version, where no trigger does.
pub fn increment(conn: &mut DbConnection) -> QueryResult<()> {
    diesel::sql_query("UPDATE content_version SET version = version + 1")
        .execute(conn)
        .map(drop)
}

/// A number that changes whenever another connection commits to the same SQLite file, in microseconds and without
/// reading a table; `None` on PostgreSQL, which has no such number.
///
/// Ask one connection that never writes: its own commits don't count.
pub fn sqlite_data_version(conn: &mut DbConnection) -> QueryResult<Option<i64>> {
    match conn {
        DbConnection::Postgres(_) => Ok(None),
        DbConnection::Sqlite(conn) => diesel::dsl::sql::<BigInt>("PRAGMA data_version")
            .get_result(conn)
            .map(Some),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{TestDb, on_both};

    fn add_user(conn: &mut DbConnection, username: &str) -> QueryResult<usize> {
        let insert = format!("INSERT INTO users (username, password) VALUES ('{username}', '!')");
        diesel::sql_query(insert).execute(conn)
    }

    #[test]
    fn a_change_to_public_content_increments_it_with_its_commit() -> anyhow::Result<()> {
        for db in TestDb::each()? {
            let (mut writer, mut reader) = (db.connect()?, db.connect()?);
            let before = current(&mut reader)?;
            writer.write(|conn| {
                add_user(conn, "ada")?;
                add_user(conn, "bob")
            })?;
            let after = current(&mut reader)?;
            assert!(after > before, "{before} → {after} on {}", db.url());

            let rolled_back: QueryResult<()> = writer.write(|conn| {
                add_user(conn, "eve")?;
                Err(diesel::result::Error::RollbackTransaction)
            });
            assert!(rolled_back.is_err());
            assert_eq!(current(&mut reader)?, after);
        }
        Ok(())
    }

    #[test]
    fn a_login_does_not_increment_it() -> anyhow::Result<()> {
        on_both(|conn| {
            add_user(conn, "ada")?;
            let before = current(conn)?;
            diesel::sql_query("UPDATE users SET last_login = date_joined").execute(conn)?;
            assert_eq!(current(conn)?, before);
            Ok(())
        })
    }

    #[test]
    fn commits_of_other_connections_change_the_data_version() -> anyhow::Result<()> {
        let db = TestDb::sqlite()?;
        let (mut writer, mut reader) = (db.connect()?, db.connect()?);
        let before = sqlite_data_version(&mut reader)?;
        add_user(&mut writer, "ada")?;
        assert_ne!(sqlite_data_version(&mut reader)?, before);
        Ok(())
    }
}
