//! A folder for secrets that other programs read out of files. Nobody else can look into it, and it goes when this
//! program does, however that ends: a guard outlives us for it.

use std::fs::{self, OpenOptions, Permissions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use tempfile::TempDir;

use crate::guard::Guard;
use crate::machine::Machine;

/// How long a program that outlives us may take to write into the folder once more, as a login does.
const LATE: Duration = Duration::from_secs(3);

/// Such a folder, removed when this is dropped.
pub(crate) struct PrivateFolder {
    // Goes first: the guard then finds nothing to do.
    folder: TempDir,
    _guard: Guard,
}

impl PrivateFolder {
    /// An empty one.
    pub(crate) fn new(machine: &Machine) -> Result<Self> {
        let ours_alone = Permissions::from_mode(0o700);
        let folder = tempfile::Builder::new().permissions(ours_alone).tempdir()?;
        let guard = Guard::new(machine, "folder", folder.path())?;
        Ok(Self {
            folder,
            _guard: guard,
        })
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Puts a text into a file that nobody else can read; where that is.
    pub(crate) fn write(&self, name: &str, text: &str) -> Result<PathBuf> {
        let path = self.path().join(name);
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&path)?;
        file.write_all(text.as_bytes())?;
        Ok(path)
    }
}

/// Removes such a folder; what the guard does. One that is there still was left by a program that was killed.
pub(crate) fn end(folder: &Path) -> Result<()> {
    let mut end = Instant::now();
    let mut was_there = false;
    loop {
        match fs::remove_dir_all(folder) {
            Ok(()) => {
                was_there = true;
                end = Instant::now() + LATE;
            }
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            // Somebody writes into it at this moment.
            Err(error) if error.kind() == ErrorKind::DirectoryNotEmpty => {
                end = Instant::now() + LATE;
            }
            Err(error) => {
                return Err(error).with_context(|| {
                    format!(
                        "could not remove {}, which holds a secret: remove it by hand",
                        folder.display()
                    )
                });
            }
        }
        if Instant::now() >= end {
            break;
        }
        thread::sleep(Duration::from_millis(50));
    }
    if was_there {
        eprintln!("the secrets in {} are removed", folder.display());
    }
    Ok(())
}
