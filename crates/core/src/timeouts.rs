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
const CONNECTION: [(&str, &str); 5] = [
    ("connect_timeout", "5"),
    ("tcp_user_timeout", "10000"),
    ("keepalives_idle", "10"),
    ("keepalives_interval", "5"),
    ("keepalives_count", "3"),
];

/// Lock timeout of pooled connections; see [`SQLITE_BUSY_TIMEOUT`].
const LOCK: Duration = Duration::from_secs(5);

/// Server-side timeouts of pooled connections unless set for the role or the database: statement, lock and idle
/// transaction, so that a hung process can't hold its locks. 0 means unset.
macro_rules! limits {
    ($is_local:literal) => {
        concat!(
            "SELECT set_config(limits.name, limits.value, ",
            $is_local,
            ") FROM (VALUES ('lock_timeout', '5s'), ('statement_timeout', '15s'), \
             ('idle_in_transaction_session_timeout', '60s')) AS limits (name, value) \
             WHERE current_setting(limits.name) = '0'"
        )
    };
}
const SESSION: &str = limits!("false");

/// Begins a transaction with the same timeouts, in one round trip.
pub(crate) const BEGIN: &str = concat!("BEGIN; ", limits!("true"));

/// The same for a transaction that only reads.
pub(crate) const BEGIN_READ_ONLY: &str = concat!("BEGIN READ ONLY; ", limits!("true"));

/// The same for writes with long statements.
const LONG: &str = "SET LOCAL statement_timeout = '2min'";

/// Adds default timeouts to a PostgreSQL URL.
pub(crate) fn with_limits(address: &str) -> String {
    let (_, parameters) = address.split_once('?').unwrap_or((address, ""));
    let is_set = |name: &str| {
        let mut names = parameters
            .split('&')
            .filter_map(|pair| pair.split('=').next());
        names.any(|known| known == name)
    };
    let unset = CONNECTION.iter().filter(|(name, _)| !is_set(name));
    let unset: Vec<_> = unset
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    let separator = match address.split_once('?') {
        _ if unset.is_empty() => "",
        None => "?",
        Some((_, "")) => "",
        Some(_) => "&",
    };
    format!("{address}{separator}{}", unset.join("&"))
}

/// Sets the server-side timeouts of this connection.
pub(crate) fn limit(conn: &mut DbConnection) -> QueryResult<()> {
    match conn {
        DbConnection::Postgres(postgres) => postgres.batch_execute(SESSION),
        DbConnection::Sqlite(_) => Ok(()),
    }
}

/// Raises the statement timeout for the rest of this transaction.
pub fn raise_statement_timeout(conn: &mut DbConnection) -> QueryResult<()> {
    match conn {
        DbConnection::Postgres(postgres) => postgres.batch_execute(LONG),
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
    use crate::{connect_pool, open};

    #[test]
    fn timeouts_in_the_url_take_precedence() {
        let plain = with_limits("postgres://oc@db/oc");
        let told = with_limits("postgres://oc@db/oc?connect_timeout=60&sslmode=require");
        let open_end = with_limits("postgres://oc@db/oc?");

        assert_eq!(
            plain,
            "postgres://oc@db/oc?connect_timeout=5&tcp_user_timeout=10000&keepalives_idle=10\
             &keepalives_interval=5&keepalives_count=3"
        );
        assert!(
            told.starts_with("postgres://oc@db/oc?connect_timeout=60&sslmode=require&tcp_user_"),
            "{told}"
        );
        assert!(!told.contains("connect_timeout=5"), "{told}");
        assert_eq!(open_end, plain);
    }

    fn setting(conn: &mut DbConnection, name: &str) -> QueryResult<String> {
        diesel::dsl::sql::<Text>("SELECT current_setting(")
            .bind::<Text, _>(name)
            .sql(")")
            .get_result(conn)
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

        limit(&mut conn)?;
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
