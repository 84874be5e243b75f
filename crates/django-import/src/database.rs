//! Opens the SQLite database of a Django site, without writing to it.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use anyhow::{Context, anyhow, bail};
use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::result::Error;
use diesel::sqlite::SqliteConnection;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use tempfile::TempDir;

/// Characters that need no escape in a path of a `file:` URI.
const PATH: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'/')
    .remove(b'-')
    .remove(b'_')
    .remove(b'.');

/// Waits for other writers, and trusts nothing in the file. The query reads, so that a file that can't be read fails.
const SETTINGS: &str = "PRAGMA busy_timeout = 3000; PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON; \
    BEGIN; SELECT count(*) FROM sqlite_schema;";

/// Files that SQLite may keep beside a database.
const SUFFIXES: [&str; 3] = ["", "-wal", "-journal"];

/// A connection in a read transaction, and the folder of the copy that it reads, if any.
pub(crate) fn open(path: &Path) -> anyhow::Result<(SqliteConnection, Option<TempDir>)> {
    // SQLite looks for a log beside the file, not beside a link to it.
    let path = path.canonicalize().context("could not open it")?;
    let opened = if has_wal(&path)? {
        // Even reading it in place would write to the files beside it.
        Err(Error::NotFound)
    } else {
        connect(&format!(
            "file:{}?mode=ro",
            utf8_percent_encode(&path.to_string_lossy(), PATH)
        ))
    };
    match opened {
        Ok(conn) => Ok((conn, None)),
        // A journal that a crash left behind can only be applied where writing is possible: in a copy.
        Err(error) if !is_locked(&error) => {
            let (folder, copy) = copy(&path)?;
            let conn = connect(&copy.to_string_lossy()).map_err(explain)?;
            Ok((conn, Some(folder)))
        }
        Err(error) => Err(explain(error)),
    }
}

/// Whether a database is in WAL mode (<https://sqlite.org/fileformat2.html>).
fn has_wal(path: &Path) -> anyhow::Result<bool> {
    let mut header = [0; 20];
    let read = fs::File::open(path).and_then(|mut file| file.read_exact(&mut header));
    read.context("it is cut short")?;
    Ok(header[18..20] == [2, 2])
}

fn connect(place: &str) -> QueryResult<SqliteConnection> {
    let mut conn = SqliteConnection::establish(place)
        .map_err(|error| Error::QueryBuilderError(Box::new(error)))?;
    conn.batch_execute(SETTINGS)?;
    Ok(conn)
}

fn is_locked(error: &Error) -> bool {
    error.to_string().contains("database is locked")
}

/// Adds what to do about it.
pub(crate) fn explain(error: Error) -> anyhow::Error {
    let message = error.to_string();
    if is_locked(&error) {
        anyhow!("it is in use ({message}); stop the old site and try again")
    } else if message.contains("malformed") {
        anyhow!("it is damaged ({message}); restore a copy of it, or try `sqlite3 FILE .recover`")
    } else {
        error.into()
    }
}

/// Copies the database with its log or journal to a temporary folder.
fn copy(path: &Path) -> anyhow::Result<(TempDir, PathBuf)> {
    let folder = tempfile::tempdir().context("could not create a temporary folder")?;
    let copy = folder.path().join("django.sqlite3");
    let before = state(path);
    for suffix in SUFFIXES {
        let from = beside(path, suffix);
        if from.exists() {
            let to = beside(&copy, suffix);
            // Only the bytes: the copy must be writable.
            let copied = fs::File::open(&from)
                .and_then(|mut from| std::io::copy(&mut from, &mut fs::File::create_new(to)?));
            copied.with_context(|| format!("could not copy {}", from.display()))?;
        }
    }
    if state(path) != before {
        bail!("it is being written to; stop the old site and try again");
    }
    Ok((folder, copy))
}

/// Length and time of the last change of the database and the files beside it.
fn state(path: &Path) -> Vec<Option<(u64, SystemTime)>> {
    let state = |suffix: &&str| {
        let file = fs::metadata(beside(path, suffix)).ok()?;
        Some((file.len(), file.modified().ok()?))
    };
    SUFFIXES.iter().map(state).collect()
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}
