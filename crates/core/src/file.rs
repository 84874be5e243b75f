//! The file of a SQLite database, and the log beside it: whether they still are those that the pool was opened on.

use std::fmt;
use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, OnceLock};

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sql_types::Text;

use crate::connection::DbConnection;
use crate::database_url::DatabaseUrl;
use crate::open::{OpenError, open};

/// A database file as it was found. A connection goes on with the files that it opened, whatever their paths lead to by
/// now; and two connections that have not opened the same ones undo each other's work.
pub(crate) struct DatabaseFile {
    main: Known,
    /// The log, which holds what was written last, and its index; none where SQLite keeps no such log.
    beside: Vec<Known>,
    /// Set for good once something beside the file was lost: nobody knows what others made of the file since then.
    lost: OnceLock<FileLost>,
    /// Used for nothing, and open as long as the pool is: SQLite takes the log away with the last connection, so that
    /// from now on only somebody else can. It keeps the files readable too, should they be deleted.
    _keeper: Mutex<DbConnection>,
}

impl fmt::Debug for DatabaseFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("DatabaseFile")
            .field(&self.main.path)
            .finish()
    }
}

/// The file of the database, or the log beside it, went away under its connections: what they write is lost with it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FileLost {
    /// There is nothing at its path.
    #[error("the database file {} was deleted under the running site", .0.display())]
    Deleted(PathBuf),
    /// There is another one.
    #[error("the database file {} was replaced by another one under the running site", .0.display())]
    Replaced(PathBuf),
    /// Nobody can tell.
    #[error("the database file {} cannot be found any more under the running site: {}", .0.display(), .1)]
    Unknown(PathBuf, String),
}

impl DatabaseFile {
    /// The file of that database, held open from now on; none where SQLite keeps it elsewhere, and on PostgreSQL.
    pub(crate) fn hold(url: &DatabaseUrl) -> Result<Option<Self>, OpenError> {
        let Some(path) = url.file() else {
            return Ok(None);
        };
        let mut keeper = open(url)?;
        let journal = begin(&mut keeper).map_err(|source| OpenError::Use {
            url: url.clone(),
            source,
        })?;
        let Ok(main) = Known::at(path) else {
            return Ok(None);
        };
        let mut beside = Vec::new();
        if journal == "wal" {
            beside.push(Known::at(main.beside("-wal"))?);
            // There is none where the operator chose a kind of locking that keeps it in memory.
            beside.extend(Known::at(main.beside("-shm")));
        }
        Ok(Some(Self {
            main,
            beside,
            lost: OnceLock::new(),
            _keeper: Mutex::new(keeper),
        }))
    }

    /// Whether the paths still lead to these very files.
    pub(crate) fn check(&self) -> Result<(), FileLost> {
        if let Some(lost) = self.lost.get() {
            return Err(lost.clone());
        }
        // Moved away, with its log or without: all is well again when it is moved back.
        self.main.check()?;
        for file in &self.beside {
            file.check()
                .map_err(|lost| self.lost.get_or_init(|| lost).clone())?;
        }
        Ok(())
    }
}

/// Reads once, so that the connection opens all that it works with; says how the database keeps its journal.
fn begin(conn: &mut DbConnection) -> QueryResult<String> {
    conn.batch_execute("SELECT count(*) FROM sqlite_schema")?;
    diesel::dsl::sql::<Text>("SELECT journal_mode FROM pragma_journal_mode").get_result(conn)
}

/// A path and what it led to. No other file has that number as long as a connection has this one open.
struct Known {
    path: PathBuf,
    device: u64,
    inode: u64,
}

impl Known {
    fn at(path: PathBuf) -> Result<Self, FileLost> {
        let (device, inode) = identity(&path)?;
        Ok(Self {
            path,
            device,
            inode,
        })
    }

    fn check(&self) -> Result<(), FileLost> {
        if identity(&self.path)? == (self.device, self.inode) {
            Ok(())
        } else {
            Err(FileLost::Replaced(self.path.clone()))
        }
    }

    /// The file whose name ends in `ending` too. SQLite has it beside the file that a link leads to.
    fn beside(&self, ending: &str) -> PathBuf {
        let real = fs::canonicalize(&self.path).unwrap_or_else(|_| self.path.clone());
        let mut name = real.into_os_string();
        name.push(ending);
        name.into()
    }
}

fn identity(path: &Path) -> Result<(u64, u64), FileLost> {
    match fs::metadata(path) {
        Ok(about) => Ok((about.dev(), about.ino())),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            Err(FileLost::Deleted(path.to_owned()))
        }
        Err(error) => Err(FileLost::Unknown(path.to_owned(), error.to_string())),
    }
}
