//! Where a backup is written: a new file, standard output, a pipe or a device.

use std::fs::{self, File, OpenOptions};
use std::io::{self, IsTerminal};
use std::os::fd::AsFd;
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use tempfile::TempPath;

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
            Ok(_) => fs::canonicalize(path).with_context(|| format!("could not open {shown}"))?,
            Err(_) if path.is_symlink() => bail!("{shown} is a link to a file that does not exist"),
            // Any other failure shows when the file beside it is created.
            Err(_) => path.to_owned(),
        };
        let folder = folder(&path);
        let (file, part) = tempfile::Builder::new()
            .prefix(".oc-lettings-")
            .suffix(".part")
            .tempfile_in(folder)
            .with_context(|| format!("could not write to the folder {}", folder.display()))?
            .into_parts();
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
        // The new name is durable once its folder is.
        let folder = folder(&rename.path);
        File::open(folder)
            .and_then(|folder| folder.sync_all())
            .with_context(|| format!("could not write the folder {}", folder.display()))
    }
}

fn folder(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    }
}
