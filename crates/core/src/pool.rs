//! The pool of connections.

use std::sync::Arc;
use std::time::Duration;

use diesel::r2d2::{
    ManageConnection, NopErrorHandler, PoolError, PooledConnection, R2D2Connection, State,
};

use crate::connection::DbConnection;
use crate::database_url::DatabaseUrl;
use crate::file::{DatabaseFile, FileLost};
use crate::open::{OpenError, open, open_existing};
use crate::read_only::open_read_only;
use crate::timeouts;

/// How long a request waits for a connection before it is told that the database is away.
pub const PATIENCE: Duration = Duration::from_secs(3);

/// A connection beyond those that were asked for, for the question whether the database is well.
const SPARE: u32 = 1;

/// A pool of connections to one database.
#[derive(Debug, Clone)]
pub struct Pool {
    connections: diesel::r2d2::Pool<Manager>,
    /// The file that they are open on, where it is one that is written.
    file: Option<Arc<DatabaseFile>>,
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

    /// The most connections that there may be for requests; there is one more for the question whether all is well.
    #[must_use]
    pub fn max_size(&self) -> u32 {
        self.connections.max_size() - SPARE
    }

    /// Whether the file of the database, and its log, are still those that the pool was opened on. Who asks after
    /// something was written, and hears nothing bad, may tell others that it is stored.
    ///
    /// # Errors
    /// When one was deleted or replaced: what is written from now on is lost, and so may be what was written just now.
    pub fn check_file(&self) -> Result<(), FileLost> {
        self.file.as_ref().map_or(Ok(()), |file| file.check())
    }
}

/// Opens connections for the [`Pool`].
#[derive(Debug)]
pub struct Manager {
    url: DatabaseUrl,
    read_only: bool,
    file: Option<Arc<DatabaseFile>>,
}

impl Manager {
    /// Opens a connection to the file that the pool is open on, and to no other.
    fn open(&self) -> Result<DbConnection, OpenError> {
        let Some(file) = &self.file else {
            return open(&self.url);
        };
        file.check()?;
        let conn = open_existing(&self.url)?;
        // It may have been replaced just then, or its log made anew by this very connection.
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

/// A pool of at most `size` connections, opened now.
///
/// # Errors
/// When they cannot be opened. A database that goes away later is no error here: the pool finds it again.
pub fn connect_pool(url: DatabaseUrl, size: u32) -> Result<Pool, OpenError> {
    let file = DatabaseFile::hold(&url)?.map(Arc::new);
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
    let mut pool = diesel::r2d2::Pool::builder();
    if manager.file.is_some() {
        // Those that are open go on with a file that went away, and pages are served from it; no new one can.
        pool = pool.idle_timeout(None).max_lifetime(None);
    }
    pool.max_size(size + SPARE)
        // The first will do for a start; the others come when they are needed.
        .min_idle(Some(1))
        .connection_timeout(PATIENCE)
        // Each request that goes without a connection tells why; a line a try would bury it.
        .error_handler(Box::new(NopErrorHandler))
        .build(manager)
}

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};

    use diesel::connection::SimpleConnection;

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
        assert_eq!(pool.check_file(), Ok(()));

        std::fs::remove_file(&file)?;
        user(&mut first, "bob")?;

        assert_eq!(pool.check_file(), Err(FileLost::Deleted(file.clone())));
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

    /// The log of the database in that file.
    fn log_of(file: &Path) -> PathBuf {
        let mut log = file.to_owned().into_os_string();
        log.push("-wal");
        log.into()
    }

    #[test]
    fn a_log_that_was_deleted_is_lost_for_good_and_not_made_anew() -> anyhow::Result<()> {
        let db = TestDb::sqlite()?;
        let log = log_of(&db.url().file().unwrap_or_default());
        let pool = connect_pool(db.url().clone(), 2)?;
        user(&mut *pool.get()?, "ada")?;
        assert_eq!(pool.check_file(), Ok(()));

        std::fs::remove_file(&log)?;

        assert!(matches!(another(&pool, &db), Err(OpenError::Lost(_))));
        assert!(!log.exists());
        assert_eq!(pool.check_file(), Err(FileLost::Deleted(log.clone())));
        let _elsewhere = db.connect()?;
        assert!(log.exists());
        assert_eq!(pool.check_file(), Err(FileLost::Deleted(log)));
        Ok(())
    }

    #[test]
    fn a_log_that_somebody_else_made_anew_is_not_ours() -> anyhow::Result<()> {
        let db = TestDb::sqlite()?;
        let log = log_of(&db.url().file().unwrap_or_default());
        let pool = connect_pool(db.url().clone(), 2)?;

        std::fs::remove_file(&log)?;
        let elsewhere = db.connect()?;

        assert!(log.exists());
        assert_eq!(pool.check_file(), Err(FileLost::Replaced(log)));
        assert!(matches!(another(&pool, &db), Err(OpenError::Lost(_))));
        drop(elsewhere);
        Ok(())
    }

    #[test]
    fn a_log_that_was_written_into_the_file_is_not_lost() -> anyhow::Result<()> {
        let db = TestDb::sqlite()?;
        let file = db.url().file().unwrap_or_default();
        let link = file.with_extension("link");
        std::os::unix::fs::symlink(&file, &link)?;
        let pool = connect_pool(DatabaseUrl::Sqlite(link), 2)?;
        user(&mut *pool.get()?, "ada")?;

        db.connect()?
            .batch_execute("PRAGMA wal_checkpoint(TRUNCATE)")?;

        assert_eq!(std::fs::metadata(log_of(&file))?.len(), 0);
        assert_eq!(pool.check_file(), Ok(()));
        user(&mut another(&pool, &db)?, "bob")?;
        assert_eq!(pool.check_file(), Ok(()));
        Ok(())
    }

    #[test]
    fn connections_to_a_file_stay_open_though_nobody_uses_them() -> anyhow::Result<()> {
        let db = TestDb::sqlite()?;

        let pool = connect_pool(db.url().clone(), 2)?;

        assert_eq!(pool.connections.idle_timeout(), None);
        assert_eq!(pool.connections.max_lifetime(), None);
        Ok(())
    }
}
