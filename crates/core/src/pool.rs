//! Connection pool.

use std::time::Duration;

use diesel::connection::{CacheSize, SimpleConnection};
use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::r2d2::{
    ManageConnection, NopErrorHandler, PoolError, PooledConnection, R2D2Connection, State,
};
use diesel::result::Error;
use diesel::sql_types::Text;

use crate::connection::DbConnection;
use crate::database_url::DatabaseUrl;
use crate::open::{OpenError, open_existing, open_read_only};
use crate::timeouts;

/// How long a request waits for a connection.
pub const PATIENCE: Duration = Duration::from_secs(3);

/// Connections beyond the configured size, reserved for health checks.
const SPARE: u32 = 1;

/// A pool of connections to one database.
#[derive(Debug, Clone)]
pub struct Pool {
    connections: diesel::r2d2::Pool<Manager>,
    sessions: Sessions,
}

impl Pool {
    /// Opens at most `size` connections to an existing database, and one for health checks. If the database becomes
    /// unavailable later, the pool reconnects.
    pub fn connect(url: DatabaseUrl, sessions: Sessions, size: u32) -> Result<Self, OpenError> {
        let connections = diesel::r2d2::Pool::builder()
            .max_size(size + SPARE)
            // Only on demand: OpenSSL crashes in a thread that still opens a connection when the process ends.
            .min_idle(Some(0))
            .connection_timeout(PATIENCE)
            // Every request that gets no connection logs the cause; don't log each retry as well.
            .error_handler(Box::new(NopErrorHandler))
            .build(Manager { url, sessions })?;
        Ok(Self {
            connections,
            sessions,
        })
    }

    /// A valid connection; waits at most [`PATIENCE`] for one.
    pub fn get(&self) -> Result<PooledConnection<Manager>, PoolError> {
        self.connections.get()
    }

    /// Runs `work` on a connection of this pool.
    pub fn run<T, E: From<Error>>(
        &self,
        conn: &mut DbConnection,
        work: impl FnOnce(&mut DbConnection) -> Result<T, E>,
    ) -> Result<T, E> {
        match self.sessions {
            Sessions::Own | Sessions::ReadOnly => work(conn),
            Sessions::None { read_only } => conn.on_one_server(&timeouts::begin(read_only), work),
        }
    }

    /// Number of open and of idle connections.
    pub fn state(&self) -> State {
        self.connections.state()
    }

    /// Maximum number of connections for requests, without the one reserved for health checks.
    pub fn max_size(&self) -> u32 {
        self.connections.max_size() - SPARE
    }
}

/// Opens connections for the [`Pool`].
#[derive(Debug)]
pub struct Manager {
    url: DatabaseUrl,
    sessions: Sessions,
}

/// What the connections of a pool keep between statements.
#[derive(Debug, Clone, Copy)]
pub enum Sessions {
    /// Settings and prepared statements.
    Own,
    /// The same, for reading only.
    ReadOnly,
    /// Nothing: each transaction may run on another connection of a pooler.
    None {
        /// Whether the transactions only read.
        read_only: bool,
    },
}

impl ManageConnection for Manager {
    type Connection = DbConnection;
    type Error = OpenError;

    fn connect(&self) -> Result<DbConnection, OpenError> {
        let mut conn = match self.sessions {
            Sessions::ReadOnly => open_read_only(&self.url)?,
            Sessions::Own => open_existing(&self.url)?,
            Sessions::None { .. } => return open_pooler(&self.url),
        };
        if let DbConnection::Postgres(postgres) = &mut conn {
            let limited = postgres.batch_execute(&timeouts::limits(false));
            limited.map_err(OpenError::unusable(&self.url))?;
        }
        Ok(conn)
    }

    /// Also checks that the server still accepts writes if the URL requires it: a primary may become a standby and keep
    /// its connections.
    fn is_valid(&self, conn: &mut DbConnection) -> Result<(), OpenError> {
        let requires = |attributes: &str| {
            let parameter = format!("target_session_attrs={attributes}");
            matches!(&self.url, DatabaseUrl::Postgres(url) if url.contains(&parameter))
        };
        let is_for_writes = !matches!(self.sessions, Sessions::ReadOnly);
        let rejects_writes = if is_for_writes && requires("read-write") {
            "current_setting('transaction_read_only')::bool"
        } else if requires("read-write") || requires("primary") {
            "pg_is_in_recovery()"
        } else {
            return conn.check().map_err(OpenError::unusable(&self.url));
        };
        // One message, which a pooler sends to one server.
        conn.batch_execute(&format!(
            "DO $$ BEGIN IF {rejects_writes} THEN RAISE read_only_sql_transaction \
             USING MESSAGE = 'the server no longer accepts writes'; END IF; END $$"
        ))
        .map_err(OpenError::unusable(&self.url))
    }

    fn has_broken(&self, conn: &mut DbConnection) -> bool {
        std::thread::panicking() || conn.is_broken()
    }
}

/// Opens a pool of connections that keep their sessions.
pub fn connect_pool(url: DatabaseUrl, size: u32) -> Result<Pool, OpenError> {
    Pool::connect(url, Sessions::Own, size)
}

/// Opens a connection to a pooler in transaction mode: no prepared statements, and nothing that needs a session.
fn open_pooler(url: &DatabaseUrl) -> Result<DbConnection, OpenError> {
    let mut conn = open_existing(url)?;
    conn.set_prepared_statement_cache_size(CacheSize::Disabled);
    Ok(conn)
}

/// Whether a connection keeps its session. One through a pooler in transaction mode doesn't.
pub fn keeps_sessions(url: &DatabaseUrl) -> Result<bool, OpenError> {
    let mut connections = [open_pooler(url)?, open_pooler(url)?];
    if matches!(connections[0], DbConnection::Sqlite(_)) {
        return Ok(true);
    }
    let ask = |conn: &mut DbConnection, query: &str| {
        conn.on_one_server(&timeouts::begin(false), |conn| {
            sql::<Text>(query).get_result::<String>(conn)
        })
        .map_err(OpenError::unusable(url))
    };
    for round in 0..3 {
        let marks = [0, 1].map(|index| format!("{}-{round}-{index}", std::process::id()));
        for (conn, mark) in connections.iter_mut().zip(&marks) {
            let set = format!("SELECT set_config('oc_lettings.session', '{mark}', false)");
            ask(conn, &set)?;
        }
        for (conn, mark) in connections.iter_mut().zip(&marks) {
            let get = "SELECT coalesce(current_setting('oc_lettings.session', true), '')";
            if ask(conn, get)? != *mark {
                return Ok(false);
            }
        }
    }
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::integrity::is_read_only;
    use crate::testing::TestDb;

    /// A primary that becomes a standby may keep its connections: brettwooldridge/HikariCP#1802.
    #[test]
    fn connections_that_no_longer_write_are_replaced_if_the_url_asks_for_it() -> anyhow::Result<()>
    {
        let Some(db) = TestDb::postgres()? else {
            return Ok(());
        };
        let DatabaseUrl::Postgres(url) = db.url() else {
            unreachable!("it is PostgreSQL");
        };
        let separator = if url.contains('?') { '&' } else { '?' };
        for (parameter, stays) in [("read-write", false), ("primary", true), ("any", true)] {
            let url = format!("{url}{separator}target_session_attrs={parameter}");
            let url = DatabaseUrl::Postgres(url);
            let pool = connect_pool(url.clone(), 1)?;
            let reader = Pool::connect(url.clone(), Sessions::ReadOnly, 1)?;
            let mut conn = pool.get()?;
            conn.batch_execute("SET default_transaction_read_only = on")?;
            let sessions = Sessions::Own;
            let checked = Manager { url, sessions }.is_valid(&mut conn);
            let reason = checked.map_or_else(|error| error.to_string(), |()| String::new());
            assert_eq!(
                reason.contains("no longer accepts writes"),
                !stays,
                "{reason}"
            );
            drop(conn);

            assert_eq!(is_read_only(&mut *pool.get()?)?, stays, "{parameter}");
            assert!(is_read_only(&mut *reader.get()?)?, "{parameter}");
        }
        Ok(())
    }
}
