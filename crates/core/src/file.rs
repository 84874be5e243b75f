//! The file of a SQLite database: whether it still is the one that the pool was opened on.

use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;

use diesel::prelude::*;
use diesel::sql_types::Text;

use crate::connection::DbConnection;

/// A file as it was found. A connection goes on with the file that it opened, whatever its path leads to by now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DatabaseFile {
    path: PathBuf,
    device: u64,
    inode: u64,
    /// What was written last, beside the file, as long as anybody has it open; none where SQLite keeps no such log.
    log: Option<PathBuf>,
}

/// The file of the database went away under its connections: what they write is lost with them.
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
    /// The file at that path, which a connection has just opened; none where SQLite keeps it elsewhere.
    pub(crate) fn of(path: PathBuf, conn: &mut DbConnection) -> Option<Self> {
        let about = fs::metadata(&path).ok()?;
        let mode: Result<String, _> =
            diesel::dsl::sql::<Text>("SELECT journal_mode FROM pragma_journal_mode")
                .get_result(conn);
        let log = mode.is_ok_and(|mode| mode == "wal").then(|| {
            let mut log = path.clone().into_os_string();
            log.push("-wal");
            PathBuf::from(log)
        });
        Some(Self {
            device: about.dev(),
            inode: about.ino(),
            path,
            log,
        })
    }

    /// Whether the path still leads to this very file.
    pub(crate) fn check(&self) -> Result<(), FileLost> {
        match fs::metadata(&self.path) {
            Ok(about) if (about.dev(), about.ino()) == (self.device, self.inode) => Ok(()),
            Ok(_) => Err(FileLost::Replaced(self.path.clone())),
            Err(error) if error.kind() == ErrorKind::NotFound => {
                Err(FileLost::Deleted(self.path.clone()))
            }
            Err(error) => Err(FileLost::Unknown(self.path.clone(), error.to_string())),
        }
    }

    /// The same for the log as well, which is there as soon as something was written.
    pub(crate) fn check_written(&self) -> Result<(), FileLost> {
        self.check()?;
        match &self.log {
            Some(log) if !log.exists() => Err(FileLost::Deleted(log.clone())),
            _ => Ok(()),
        }
    }
}
