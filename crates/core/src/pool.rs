//! The pool of connections.

use std::time::Duration;

use diesel::r2d2::{ManageConnection, NopErrorHandler, R2D2Connection};

use crate::connection::DbConnection;
use crate::database_url::DatabaseUrl;
use crate::open::{OpenError, open};
use crate::read_only::open_read_only;

/// How long a request waits for a connection before it is told that the database is away.
pub const PATIENCE: Duration = Duration::from_secs(3);

/// A pool of connections to one database.
pub type Pool = diesel::r2d2::Pool<Manager>;

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
        if self.read_only {
            open_read_only(&self.url)
        } else {
            open(&self.url)
        }
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

/// A pool of at most `size` connections, opened now.
///
/// # Errors
/// When they cannot be opened. A database that goes away later is no error here: the pool finds it again.
pub fn connect_pool(url: DatabaseUrl, size: u32) -> Result<Pool, diesel::r2d2::PoolError> {
    let read_only = false;
    build(Manager { url, read_only }, size)
}

/// The same of connections that cannot write.
///
/// # Errors
/// When they cannot be opened.
pub fn connect_read_only_pool(
    url: DatabaseUrl,
    size: u32,
) -> Result<Pool, diesel::r2d2::PoolError> {
    let read_only = true;
    build(Manager { url, read_only }, size)
}

fn build(manager: Manager, size: u32) -> Result<Pool, diesel::r2d2::PoolError> {
    Pool::builder()
        .max_size(size)
        // The first will do for a start; the others come when they are needed.
        .min_idle(Some(1))
        .connection_timeout(PATIENCE)
        // Each request that goes without a connection tells why; a line a try would bury it.
        .error_handler(Box::new(NopErrorHandler))
        .build(manager)
}
