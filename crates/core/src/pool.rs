//! Connection pool.

use std::time::Duration;

use diesel::r2d2::{
    ManageConnection, NopErrorHandler, PoolError, PooledConnection, R2D2Connection, State,
};

use crate::connection::DbConnection;
use crate::database_url::DatabaseUrl;
use crate::open::{OpenError, open_existing};
use crate::read_only::open_read_only;
use crate::timeouts;

/// How long a request waits for a connection.
pub const PATIENCE: Duration = Duration::from_secs(3);

/// Connections beyond the configured size, reserved for health checks.
const SPARE: u32 = 1;

/// A pool of connections to one database.
#[derive(Debug, Clone)]
pub struct Pool(diesel::r2d2::Pool<Manager>);

impl Pool {
    /// A valid connection; waits at most [`PATIENCE`] for one.
    ///
    /// # Errors
    /// When none is available in time.
    pub fn get(&self) -> Result<PooledConnection<Manager>, PoolError> {
        self.0.get()
    }

    /// Number of open and of idle connections.
    #[must_use]
    pub fn state(&self) -> State {
        self.0.state()
    }

    /// Maximum number of connections for requests, without the one reserved for health checks.
    #[must_use]
    pub fn max_size(&self) -> u32 {
        self.0.max_size() - SPARE
    }
}

/// Opens connections for the [`Pool`].
#[derive(Debug)]
pub struct Manager {
    url: DatabaseUrl,
    read_only: bool,
}

impl ManageConnection for Manager {
    type Connection = DbConnection;
    type Error = OpenError;

    fn connect(&self) -> Result<DbConnection, OpenError> {
        let mut conn = if self.read_only {
            open_read_only(&self.url)?
        } else {
            open_existing(&self.url)?
        };
        timeouts::limit(&mut conn).map_err(|source| OpenError::Use {
            url: self.url.clone(),
            source,
        })?;
        Ok(conn)
    }

    fn is_valid(&self, conn: &mut DbConnection) -> Result<(), OpenError> {
        conn.ping().map_err(|source| OpenError::Use {
            url: self.url.clone(),
            source,
        })
    }

    fn has_broken(&self, conn: &mut DbConnection) -> bool {
        std::thread::panicking() || conn.is_broken()
    }
}

/// Opens a pool of at most `size` connections to an existing database.
///
/// # Errors
/// When no connection can be opened. If the database becomes unavailable later, the pool reconnects.
pub fn connect_pool(url: DatabaseUrl, size: u32) -> Result<Pool, OpenError> {
    build(url, false, size)
}

/// Opens a pool of read-only connections.
///
/// # Errors
/// When no connection can be opened.
pub fn connect_read_only_pool(url: DatabaseUrl, size: u32) -> Result<Pool, OpenError> {
    build(url, true, size)
}

fn build(url: DatabaseUrl, read_only: bool, size: u32) -> Result<Pool, OpenError> {
    let pool = diesel::r2d2::Pool::builder()
        .max_size(size + SPARE)
        // Start with one; others are opened on demand.
        .min_idle(Some(1))
        .connection_timeout(PATIENCE)
        // Every request that gets no connection logs the cause; don't log each retry as well.
        .error_handler(Box::new(NopErrorHandler))
        .build(Manager { url, read_only })?;
    Ok(Pool(pool))
}
