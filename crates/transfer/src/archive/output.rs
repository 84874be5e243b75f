//! Where a backup is written: a new file, standard output, a pipe or a device.

use std::ffi::OsStr;
use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, IsTerminal, Read};
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, bail};
use tempfile::TempPath;

const PART_PREFIX: &str = ".oc-lettings-";
const PART_SUFFIX: &str = ".part";

/// A younger partial file may be one that another backup has not locked yet.
const ABANDONED: Duration = Duration::from_hours(24);

/// How a SQLite database begins.
pub(super) const SQLITE: &[u8; 16] = b"SQLite format 3\0";

/// A destination that is open for writing.
pub(super) struct Output {
    /// The open file, pipe or device.
    pub(super) file: File,
    /// A file is written under a temporary name in the same folder, and renamed once it is complete.
    rename: Option<Rename>,
}

struct Rename {
    part: TempPath,
    path: PathBuf,
    replace: bool,
}

impl Output {
    /// Opens a destination. `-` is standard output. A file or block device that exists is only overwritten with
    /// `replace`; a symbolic link is followed. A pipe or a device is written to and never replaced by a file.
    pub(super) fn open(path: &Path, replace: bool) -> anyhow::Result<Self> {
        let shown = path.display();
        if path == Path::new("-") {
            let stdout = io::stdout();
            if stdout.is_terminal() {
                bail!("standard output is a terminal; redirect it to a file or a pipe");
            }
            let file = File::from(stdout.as_fd().try_clone_to_owned()?);
            return Ok(Self { file, rename: None });
        }
        let path = match fs::metadata(path) {
            Ok(found) if found.is_dir() => bail!("{shown} is a folder; name a file"),
            Ok(found) if !replace && (found.is_file() || found.file_type().is_block_device()) => {
                bail!("{shown} already exists; choose another name, or overwrite it with --force")
            }
            Ok(found) if !found.is_file() => {
                let file = OpenOptions::new().write(true).open(path);
                let file = file.with_context(|| format!("could not open {shown}"))?;
                return Ok(Self { file, rename: None });
            }
            Ok(_) => {
                let path = fs::canonicalize(path);
                path.with_context(|| format!("could not open {shown}"))?
            }
            Err(_) if path.is_symlink() => bail!("{shown} is a link to a file that does not exist"),
            // Any other failure shows when the file beside it is created.
            Err(_) => path.to_owned(),
        };
        if is_database(&path) {
            bail!("{shown} belongs to a SQLite database; choose another name");
        }
        let folder = folder(&path);
        remove_abandoned_parts(folder);
        let (file, part) = tempfile::Builder::new()
            .prefix(PART_PREFIX)
            .suffix(PART_SUFFIX)
            .tempfile_in(folder)
            .with_context(|| format!("could not write to the folder {}", folder.display()))?
            .into_parts();
        if let Err(error) = file.try_lock() {
            log::debug!("could not lock {}: {error}", part.display());
        }
        let rename = Some(Rename {
            part,
            path,
            replace,
        });
        Ok(Self { file, rename })
    }

    /// Makes everything written durable, and gives a file its name.
    pub(super) fn finish(self) -> anyhow::Result<()> {
        let Some(rename) = self.rename else {
            if self.file.metadata()?.file_type().is_block_device() {
                self.file.sync_all()?;
            }
            return Ok(());
        };
        self.file.sync_all()?;
        let renamed = if rename.replace {
            rename.part.persist(&rename.path)
        } else {
            rename.part.persist_noclobber(&rename.path)
        };
        renamed
            .map_err(|error| error.error)
            .with_context(|| format!("could not rename the backup to {}", rename.path.display()))?;
        let folder = folder(&rename.path);
        sync_folder(folder)
            .with_context(|| format!("could not write the folder {}", folder.display()))
    }
}

/// Makes new names in a folder durable, unless its file system can't, as that of a network share:
/// syncthing/syncthing#4432, pgbackrest/pgbackrest#923.
fn sync_folder(folder: &Path) -> io::Result<()> {
    match File::open(folder)?.sync_all() {
        Err(error) if error.kind() == ErrorKind::InvalidInput => Ok(()),
        outcome => outcome,
    }
}

/// Removes unlocked partial files of interrupted backups.
fn remove_abandoned_parts(folder: &Path) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        let modified = entry.metadata().and_then(|found| found.modified());
        if name.starts_with(PART_PREFIX)
            && name.ends_with(PART_SUFFIX)
            && modified.is_ok_and(|time| time.elapsed().is_ok_and(|age| age > ABANDONED))
            && File::open(entry.path()).is_ok_and(|file| file.try_lock().is_ok())
            && let Err(error) = fs::remove_file(entry.path())
        {
            log::warn!("could not remove {}: {error}", entry.path().display());
        }
    }
}

/// Whether a file is a SQLite database, or one of the files beside it.
fn is_database(path: &Path) -> bool {
    let name = path.as_os_str().as_bytes();
    let ends = ["-wal", "-shm", "-journal"];
    let main = ends
        .iter()
        .find_map(|end| name.strip_suffix(end.as_bytes()));
    let mut start = [0; 16];
    let read = File::open(OsStr::from_bytes(main.unwrap_or(name)))
        .and_then(|mut file| file.read_exact(&mut start));
    read.is_ok() && &start == SQLITE
}

fn folder(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_file_system_without_sync_is_ignored() {
        assert!(sync_folder(Path::new("/proc")).is_ok());
        assert!(sync_folder(Path::new("/no/such/folder")).is_err());
    }

    /// stefanprodan/mgob#48, PlakarKorp/plakar#2050.
    #[test]
    fn partial_files_are_removed_by_the_next_backup() -> anyhow::Result<()> {
        let folder = tempfile::tempdir()?;
        let yesterday = std::time::SystemTime::now() - ABANDONED - Duration::from_mins(1);
        let running = Output::open(&folder.path().join("a"), false)?;
        running.file.set_modified(yesterday)?;
        File::create(folder.path().join(".oc-lettings-1.part"))?.set_modified(yesterday)?;
        // Created by another backup that has not locked it yet.
        File::create(folder.path().join(".oc-lettings-2.part"))?;

        let next = Output::open(&folder.path().join("b"), false)?;
        assert!(!folder.path().join(".oc-lettings-1.part").exists());
        assert_eq!(fs::read_dir(folder.path())?.count(), 3);

        running.finish()?;
        next.finish()?;
        assert_eq!(fs::read_dir(folder.path())?.count(), 3);
        Ok(())
    }

    /// FirebirdSQL/firebird#67 and #8944.
    #[test]
    fn a_backup_never_replaces_a_database() -> anyhow::Result<()> {
        let folder = tempfile::tempdir()?;
        let path = |name: &str| folder.path().join(OsStr::from_bytes(b"\xff")).join(name);
        fs::create_dir(folder.path().join(OsStr::from_bytes(b"\xff")))?;
        fs::write(path("site.db"), "SQLite format 3\0 and pages")?;
        std::os::unix::fs::symlink(path("site.db"), path("link"))?;
        for name in ["site.db-wal", "site.db-shm", "notes", "notes-wal"] {
            fs::write(path(name), "")?;
        }

        for (name, is_refused) in [
            ("site.db", true),
            ("link", true),
            ("site.db-wal", true),
            ("site.db-shm", true),
            // Does not exist.
            ("site.db-journal", true),
            ("notes", false),
            ("notes-wal", false),
        ] {
            assert_eq!(
                Output::open(&path(name), true).is_err(),
                is_refused,
                "{name}"
            );
        }
        Ok(())
    }
}
