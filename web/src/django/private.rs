//! A private copy of a database that cannot be read where it lies without writing beside it.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use tempfile::TempDir;

/// How often a copy is begun anew when the file changed under it.
const TRIES: usize = 20;
/// The length of a write-ahead log's header, which changes when the log begins anew.
const WAL_HEADER: usize = 32;

/// Copies a database with its write-ahead log into a folder that is nobody else's and goes with the value.
///
/// While the log goes on, the file and the log belong together however much is written meanwhile: what changed in
/// the file stands in the log too, and half a commit at the log's end is none. Only when the log began anew in between
/// they do not, and the copy is made again.
pub(super) fn copy_with_wal(path: &Path) -> anyhow::Result<(TempDir, PathBuf)> {
    let wal = beside(path, "-wal");
    for _ in 0..TRIES {
        let before = beginning(&wal)?;
        let (folder, copy) = copy(path)?;
        if before.is_some() {
            copy_if_there(&wal, &beside(&copy, "-wal"))?;
        }
        if beginning(&wal)? == before {
            return Ok((folder, copy));
        }
    }
    bail!(
        "{} is written to without a pause; stop what writes to it and try again",
        path.display()
    )
}

/// Copies a database with the journal of a write that was broken off, so that it can be taken back in the copy.
pub(super) fn copy_with_journal(path: &Path) -> anyhow::Result<(TempDir, PathBuf)> {
    let (folder, copy) = copy(path)?;
    copy_if_there(&beside(path, "-journal"), &beside(&copy, "-journal"))?;
    Ok((folder, copy))
}

/// Whether a write was broken off, or goes on.
pub(super) fn has_journal(path: &Path) -> bool {
    fs::metadata(beside(path, "-journal")).is_ok_and(|journal| journal.len() > 0)
}

fn copy(path: &Path) -> anyhow::Result<(TempDir, PathBuf)> {
    let folder = tempfile::tempdir().context("cannot make a temporary folder")?;
    let copy = folder.path().join("django.sqlite3");
    write_copy(path, &copy)?;
    Ok((folder, copy))
}

fn copy_if_there(from: &Path, to: &Path) -> anyhow::Result<()> {
    if from.exists() {
        write_copy(from, to)?;
    }
    Ok(())
}

/// Copies the bytes alone: the copy must be writable, whatever the file is.
fn write_copy(from: &Path, to: &Path) -> anyhow::Result<()> {
    let copied = File::open(from).and_then(|mut from| {
        let mut to = File::create_new(to)?;
        std::io::copy(&mut from, &mut to)
    });
    copied.with_context(|| format!("cannot copy {} to {}", from.display(), to.display()))?;
    Ok(())
}

/// The header of a log; `None` where there is no log, or an empty one.
fn beginning(wal: &Path) -> anyhow::Result<Option<[u8; WAL_HEADER]>> {
    let mut header = [0; WAL_HEADER];
    let read = File::open(wal).and_then(|mut file| file.read_exact(&mut header));
    match read {
        Ok(()) => Ok(Some(header)),
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::UnexpectedEof) => {
            Ok(None)
        }
        Err(error) => Err(error).with_context(|| format!("cannot read {}", wal.display())),
    }
}

/// The path of what SQLite keeps beside a database.
fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(suffix);
    name.into()
}
