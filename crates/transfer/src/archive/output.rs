//! Where a backup is written: a new file, standard output, a pipe or a device.

use std::fs::{self, File, OpenOptions};
use std::io::{self, IsTerminal, Write};
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use tempfile::NamedTempFile;

/// A destination that is open for writing.
pub(super) enum Output {
    Stdout(io::Stdout),
    /// A pipe or a device, which must not be replaced by a file.
    Stream(File),
    /// A temporary file in the same folder, renamed once it is complete.
    File {
        part: NamedTempFile,
        path: PathBuf,
        replace: bool,
    },
}

impl Output {
    /// Opens a destination. `-` is standard output. A file or block device that exists is only overwritten with
    /// `replace`; a symbolic link is followed.
    pub(super) fn open(path: &Path, replace: bool) -> anyhow::Result<Self> {
        let shown = path.display();
        if path == Path::new("-") {
            let stdout = io::stdout();
            if stdout.is_terminal() {
                bail!("standard output is a terminal; redirect it to a file or a pipe");
            }
            return Ok(Self::Stdout(stdout));
        }
        let path = match fs::metadata(path) {
            Ok(found) if found.is_dir() => bail!("{shown} is a folder; name a file"),
            Ok(found) if !replace && (found.is_file() || found.file_type().is_block_device()) => {
                bail!("{shown} already exists; choose another name, or overwrite it with --force")
            }
            Ok(found) if !found.is_file() => {
                let stream = OpenOptions::new().write(true).open(path);
                return Ok(Self::Stream(
                    stream.with_context(|| format!("could not open {shown}"))?,
                ));
            }
            Ok(_) => fs::canonicalize(path).with_context(|| format!("could not open {shown}"))?,
            Err(_) if path.is_symlink() => bail!("{shown} is a link to a file that does not exist"),
            // Any other failure shows when the file beside it is created.
            Err(_) => path.to_owned(),
        };
        let folder = folder(&path);
        let part = tempfile::Builder::new()
            .prefix(".oc-lettings-")
            .suffix(".part")
            .tempfile_in(folder)
            .with_context(|| format!("could not write to the folder {}", folder.display()))?;
        Ok(Self::File {
            part,
            path,
            replace,
        })
    }

    /// Makes everything written durable, and gives a file its name.
    pub(super) fn finish(mut self) -> anyhow::Result<()> {
        self.flush()?;
        match self {
            Self::Stdout(_) => {}
            Self::Stream(stream) => {
                if stream.metadata()?.file_type().is_block_device() {
                    stream.sync_all()?;
                }
            }
            Self::File {
                part,
                path,
                replace,
            } => {
                part.as_file().sync_all()?;
                let result = if replace {
                    part.persist(&path)
                } else {
                    part.persist_noclobber(&path)
                };
                result.map_err(|error| error.error).with_context(|| {
                    format!("could not rename the backup to {}", path.display())
                })?;
                // The new name is durable once its folder is.
                let folder = folder(&path);
                File::open(folder)
                    .and_then(|folder| folder.sync_all())
                    .with_context(|| format!("could not write the folder {}", folder.display()))?;
            }
        }
        Ok(())
    }

    fn as_write(&mut self) -> &mut dyn Write {
        match self {
            Self::Stdout(stdout) => stdout,
            Self::Stream(stream) => stream,
            Self::File { part, .. } => part.as_file_mut(),
        }
    }
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.as_write().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.as_write().flush()
    }
}

fn folder(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    }
}
