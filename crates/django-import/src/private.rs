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
/// The length of a journal's header, which has a random number in it (<https://sqlite.org/fileformat2.html>).
const JOURNAL_HEADER: usize = 28;
/// Where the count of changes ends in a database.
const CHANGE_COUNT: usize = 28;

/// Copies a database with its write-ahead log into a folder that is nobody else's and goes with the value.
///
/// While the log goes on, the file and the log belong together however much is written meanwhile: what changed in
/// the file stands in the log too, and half a commit at the log's end is none. Only when the log began anew in between
/// they do not, and the copy is made again.
pub(super) fn copy_with_wal(path: &Path) -> anyhow::Result<(TempDir, PathBuf)> {
    let wal = beside(path, "-wal");
    copy_between(
        path,
        || beginning::<WAL_HEADER>(&wal),
        |copy| copy_if_there(&wal, &beside(copy, "-wal")),
    )
}

/// Copies a database with the journal of a write that was broken off, so that it can be taken back in the copy.
///
/// The journal is copied last: it holds the old page of all that was written over by then. If it is another one than
/// before, a write ended meanwhile, and the copy is made again.
pub(super) fn copy_with_journal(path: &Path) -> anyhow::Result<(TempDir, PathBuf)> {
    let journal = beside(path, "-journal");
    copy_between(
        path,
        || {
            let header = beginning::<JOURNAL_HEADER>(&journal)?;
            let count = beginning::<CHANGE_COUNT>(path)?;
            // The count of its pages, which grows while it is written, is passed over.
            Ok((header.map(|header| header[12..].to_vec()), count))
        },
        |copy| copy_if_there(&journal, &beside(copy, "-journal")),
    )
}

/// Copies a database and what `rest` copies to the copy, anew until `mark` is the same before and after.
fn copy_between<T: PartialEq>(
    path: &Path,
    mark: impl Fn() -> anyhow::Result<T>,
    rest: impl Fn(&Path) -> anyhow::Result<()>,
) -> anyhow::Result<(TempDir, PathBuf)> {
    for _ in 0..TRIES {
        let before = mark()?;
        let (folder, copy) = copy(path)?;
        rest(&copy)?;
        if mark()? == before {
            return Ok((folder, copy));
        }
    }
    bail!(
        "{} is written to without a pause; stop what writes to it and try again",
        path.display()
    )
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

/// The first bytes of a file; `None` where it is not there, or not as long.
fn beginning<const LENGTH: usize>(path: &Path) -> anyhow::Result<Option<[u8; LENGTH]>> {
    let mut header = [0; LENGTH];
    let read = File::open(path).and_then(|mut file| file.read_exact(&mut header));
    match read {
        Ok(()) => Ok(Some(header)),
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::UnexpectedEof) => {
            Ok(None)
        }
        Err(error) => Err(error).with_context(|| format!("cannot read {}", path.display())),
    }
}

/// The path of what SQLite keeps beside a database.
fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(suffix);
    name.into()
}
