//! Timeouts for connecting, statements and locks.

use std::time::Duration;

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::result::{DatabaseErrorKind, Error};

use crate::connection::DbConnection;

/// Busy timeout of SQLite connections (milliseconds).
pub(crate) const SQLITE_BUSY_TIMEOUT: &str = "PRAGMA busy_timeout = 5000";

/// libpq parameters unless the URL sets them: connect timeout (seconds), TCP user timeout (milliseconds), keepalives
/// (seconds).
const CONNECTION: &str = "connect_timeout=5&tcp_user_timeout=10000\
     &keepalives_idle=10&keepalives_interval=5&keepalives_count=3";

/// Lock timeout of pooled connections; see [`SQLITE_BUSY_TIMEOUT`].
const LOCK: Duration = Duration::from_secs(5);

/// Adds default timeouts to a PostgreSQL URL. They come first, because libpq uses the last value of a parameter.
pub(crate) fn with_limits(address: &str) -> String {
    let (address, parameters) = address.split_once('?').unwrap_or((address, ""));
    format!("{address}?{CONNECTION}&{parameters}")
}

/// Sets server-side timeouts of a pooled connection or, if local, of a transaction, unless the role or the database has
/// some: statement, lock and idle transaction, so that a hung process can't hold its locks. 0 means unset.
pub(crate) fn limits(is_local: bool) -> String {
    format!(
        "SELECT set_config(limits.name, limits.value, {is_local}) FROM (VALUES ('lock_timeout', '5s'), \
         ('statement_timeout', '15s'), ('idle_in_transaction_session_timeout', '60s')) AS limits (name, value) \
         WHERE current_setting(limits.name) = '0'"
    )
}

/// Begins a transaction with the same timeouts, in one round trip.
pub(crate) fn begin(read_only: bool) -> String {
    let mode = if read_only { " READ ONLY" } else { "" };
    format!("BEGIN{mode}; {}", limits(true))
}

/// Raises the statement timeout for the rest of this transaction, for writes with long statements.
pub fn raise_statement_timeout(conn: &mut DbConnection) -> QueryResult<()> {
    match conn {
        DbConnection::Postgres(postgres) => {
            postgres.batch_execute("SET LOCAL statement_timeout = '2min'")
        }
        DbConnection::Sqlite(_) => Ok(()),
    }
}

/// Runs an optional write: fails at once if another connection holds a lock that it needs.
pub fn try_without_lock_wait<T>(
    conn: &mut DbConnection,
    work: impl FnOnce(&mut DbConnection) -> QueryResult<T>,
) -> QueryResult<T> {
    if let DbConnection::Postgres(_) = conn {
        return conn.write(|conn| {
            // 0 would wait forever.
            conn.batch_execute("SET LOCAL lock_timeout = '1ms'")?;
            work(conn)
        });
    }
    conn.batch_execute("PRAGMA busy_timeout = 0")?;
    let outcome = conn.write(work);
    conn.batch_execute(SQLITE_BUSY_TIMEOUT)?;
    outcome
}

/// Whether the server may have cancelled a statement after this time, by statement or lock timeout.
///
/// The message may be in any language, and diesel doesn't expose the error code. An unclassified error counts if enough
/// time has passed.
pub fn may_have_timed_out(error: &Error, time: Duration) -> bool {
    matches!(error, Error::DatabaseError(DatabaseErrorKind::Unknown, _)) && time >= LOCK
}

#[cfg(test)]
mod tests {
    use diesel::sql_types::Text;

    use super::*;
    use crate::testing::TestDb;
    use crate::{DatabaseUrl, connect_pool, open};

    fn setting(conn: &mut DbConnection, name: &str) -> QueryResult<String> {
        diesel::dsl::sql::<Text>("SELECT current_setting(")
            .bind::<Text, _>(name)
            .sql(")")
            .get_result(conn)
    }

    #[test]
    fn parameters_of_the_url_take_precedence() -> anyhow::Result<()> {
        let url = with_limits("postgres://oc@db/oc?connect_timeout=60");
        assert!(url.contains("connect_timeout=5&") && url.ends_with("&connect_timeout=60"));
        let Some(db) = TestDb::postgres()? else {
            return Ok(());
        };
        let DatabaseUrl::Postgres(url) = db.url() else {
            unreachable!("it is PostgreSQL");
        };
        let separator = if url.contains('?') { '&' } else { '?' };
        let url = format!("{url}{separator}application_name=first&application_name=last&");

        let mut conn = open(&DatabaseUrl::Postgres(url))?;

        assert_eq!(setting(&mut conn, "application_name")?, "last");
        Ok(())
    }

    #[test]
    fn only_pooled_connections_have_timeouts() -> anyhow::Result<()> {
        let Some(db) = TestDb::postgres()? else {
            return Ok(());
        };

        let mut pooled = connect_pool(db.url().clone(), 1)?.get()?;
        let mut own = open(db.url())?;

        assert_eq!(setting(&mut pooled, "lock_timeout")?, "5s");
        assert_eq!(setting(&mut pooled, "statement_timeout")?, "15s");
        assert_eq!(setting(&mut own, "lock_timeout")?, "0");
        assert_eq!(setting(&mut own, "statement_timeout")?, "0");
        Ok(())
    }

    #[test]
    fn timeouts_of_the_role_are_kept_and_a_long_write_has_its_own() -> anyhow::Result<()> {
        let Some(db) = TestDb::postgres()? else {
            return Ok(());
        };
        let mut conn = open(db.url())?;
        conn.batch_execute("SET lock_timeout = '70ms'")?;

        conn.batch_execute(&limits(false))?;
        let during = conn.write(|conn| {
            raise_statement_timeout(conn)?;
            setting(conn, "statement_timeout")
        })?;

        assert_eq!(setting(&mut conn, "lock_timeout")?, "70ms");
        assert_eq!(during, "2min");
        assert_eq!(setting(&mut conn, "statement_timeout")?, "15s");
        Ok(())
    }

    #[test]
    fn waiting_for_a_lock_times_out() -> anyhow::Result<()> {
        let Some(db) = TestDb::postgres()? else {
            return Ok(());
        };
        let mut holder = db.connect()?;
        let mut conn = db.connect()?;
        conn.batch_execute("SET lock_timeout = '1ms'")?;

        let refused = holder.transaction(|holder| {
            holder.batch_execute("LOCK TABLE users")?;
            Ok::<_, Error>(conn.batch_execute("SELECT id FROM users"))
        })?;

        assert!(
            refused.as_ref().is_err_and(crate::hints::is_transient),
            "{refused:?}"
        );
        conn.batch_execute("SET statement_timeout = '1ms'")?;
        let refused = conn.batch_execute("SELECT pg_sleep(60)");
        assert!(
            refused.as_ref().is_err_and(crate::hints::is_transient),
            "{refused:?}"
        );
        let wrong = conn.batch_execute("SELECT nothing FROM users");
        assert!(
            wrong
                .as_ref()
                .is_err_and(|error| !crate::hints::is_transient(error))
        );
        assert!(wrong.is_err_and(|error| may_have_timed_out(&error, LOCK)));
        Ok(())
    }
}
