//! The pool of connections.

use std::time::Duration;

use diesel::r2d2::{
    ManageConnection, NopErrorHandler, PoolError, PooledConnection, R2D2Connection, State,
};

use crate::connection::DbConnection;
use crate::database_url::DatabaseUrl;
use crate::file::{DatabaseFile, FileLost};
use crate::open::{OpenError, open, open_existing};
use crate::read_only::open_read_only;
use crate::waiting;

/// How long a request waits for a connection before it is told that the database is away.
pub const PATIENCE: Duration = Duration::from_secs(3);

/// A pool of connections to one database.
#[derive(Debug, Clone)]
pub struct Pool {
    connections: diesel::r2d2::Pool<Manager>,
    /// The file that they are open on, where it is one that is written.
    file: Option<DatabaseFile>,
}

impl Pool {
    /// A connection that works; waits [`PATIENCE`] for one at most, and for the server to say that it is there.
    ///
    /// # Errors
    /// When none can be had.
    pub fn get(&self) -> Result<PooledConnection<Manager>, PoolError> {
        self.connections.get()
    }

    /// How many connections there are, and how many are free.
    #[must_use]
    pub fn state(&self) -> State {
        self.connections.state()
    }

    /// The most connections that there may be.
    #[must_use]
    pub fn max_size(&self) -> u32 {
        self.connections.max_size()
    }

    /// Whether the file of the database is still the one that the pool was opened on.
    ///
    /// # Errors
    /// When it was deleted or replaced: what is written to it from now on is lost.
    pub fn check_file(&self) -> Result<(), FileLost> {
        self.file.as_ref().map_or(Ok(()), DatabaseFile::check)
    }

    /// The same after something was written. Who asks then and hears nothing bad may tell others that it is stored.
    ///
    /// # Errors
    /// When what was written is lost.
    pub fn check_written(&self) -> Result<(), FileLost> {
        let file = self.file.as_ref();
        file.map_or(Ok(()), DatabaseFile::check_written)
    }
}

/// Opens connections for the [`Pool`].
#[derive(Debug)]
pub struct Manager {
    url: DatabaseUrl,
    read_only: bool,
    file: Option<DatabaseFile>,
}

impl Manager {
    /// Opens a connection to the file that the pool is open on, and to no other.
    fn open(&self) -> Result<DbConnection, OpenError> {
        let Some(file) = &self.file else {
            return open(&self.url);
        };
        file.check()?;
        let conn = open_existing(&self.url)?;
        // It may have been replaced just then.
        file.check()?;
        Ok(conn)
    }
}

impl ManageConnection for Manager {
    type Connection = DbConnection;
    type Error = OpenError;

    fn connect(&self) -> Result<DbConnection, OpenError> {
        let mut conn = if self.read_only {
            open_read_only(&self.url)?
        } else {
            self.open()?
        };
        waiting::limit(&mut conn).map_err(|source| OpenError::Use {
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

/// A pool of at most `size` connections, opened now.
///
/// # Errors
/// When they cannot be opened. A database that goes away later is no error here: the pool finds it again.
pub fn connect_pool(url: DatabaseUrl, size: u32) -> Result<Pool, OpenError> {
    let file = match url.file() {
        Some(path) => DatabaseFile::of(path, &mut open(&url)?),
        None => None,
    };
    let manager = Manager {
        url,
        read_only: false,
        file: file.clone(),
    };
    Ok(Pool {
        connections: build(manager, size)?,
        file,
    })
}

/// The same of connections that cannot write.
///
/// # Errors
/// When they cannot be opened.
pub fn connect_read_only_pool(url: DatabaseUrl, size: u32) -> Result<Pool, OpenError> {
    let manager = Manager {
        url,
        read_only: true,
        file: None,
    };
    Ok(Pool {
        connections: build(manager, size)?,
        file: None,
    })
}

fn build(manager: Manager, size: u32) -> Result<diesel::r2d2::Pool<Manager>, PoolError> {
    diesel::r2d2::Pool::builder()
        .max_size(size)
        // The first will do for a start; the others come when they are needed.
        .min_idle(Some(1))
        .connection_timeout(PATIENCE)
        // Each request that goes without a connection tells why; a line a try would bury it.
        .error_handler(Box::new(NopErrorHandler))
        .build(manager)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{TestDb, user};

    /// One more connection for a pool, opened now.
    fn another(pool: &Pool, db: &TestDb) -> Result<DbConnection, OpenError> {
        let manager = Manager {
            url: db.url().clone(),
            read_only: false,
            file: pool.file.clone(),
        };
        manager.connect()
    }

    #[test]
    fn a_file_that_was_deleted_is_not_made_anew() -> anyhow::Result<()> {
        let db = TestDb::sqlite()?;
        let file = db.url().file().unwrap_or_default();
        let pool = connect_pool(db.url().clone(), 2)?;
        let mut first = pool.get()?;
        user(&mut first, "ada")?;
        assert_eq!(pool.check_written(), Ok(()));

        std::fs::remove_file(&file)?;
        user(&mut first, "bob")?;

        assert_eq!(pool.check_file(), Err(FileLost::Deleted(file.clone())));
        assert_eq!(pool.check_written(), Err(FileLost::Deleted(file.clone())));
        assert!(matches!(another(&pool, &db), Err(OpenError::Lost(_))));
        assert!(!file.exists());
        Ok(())
    }

    #[test]
    fn a_file_that_was_replaced_is_neither_read_nor_written() -> anyhow::Result<()> {
        let (db, other) = (TestDb::sqlite()?, TestDb::sqlite()?);
        let file = db.url().file().unwrap_or_default();
        let kept = file.with_extension("kept");
        let pool = connect_pool(db.url().clone(), 2)?;
        let _first = pool.get()?;

        std::fs::rename(&file, &kept)?;
        std::fs::copy(other.url().file().unwrap_or_default(), &file)?;
        let check = pool.check_file();
        let second = another(&pool, &db);
        std::fs::rename(&kept, &file)?;

        assert_eq!(check, Err(FileLost::Replaced(file)));
        assert!(matches!(second, Err(OpenError::Lost(_))));
        assert_eq!(pool.check_file(), Ok(()));
        assert!(another(&pool, &db).is_ok());
        Ok(())
    }

    #[test]
    fn a_log_that_was_deleted_takes_what_was_written_with_it() -> anyhow::Result<()> {
        let db = TestDb::sqlite()?;
        let mut log = db.url().file().unwrap_or_default().into_os_string();
        log.push("-wal");
        let pool = connect_pool(db.url().clone(), 1)?;
        let mut conn = pool.get()?;
        user(&mut conn, "ada")?;

        std::fs::remove_file(&log)?;

        assert_eq!(pool.check_file(), Ok(()));
        assert_eq!(pool.check_written(), Err(FileLost::Deleted(log.into())));
        Ok(())
    }
}
