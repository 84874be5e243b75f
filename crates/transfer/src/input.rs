//! A file to read: a regular file, or a copy of standard input or of a pipe.

use std::fs::{self, File};
use std::io::{self, IsTerminal};
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use tempfile::NamedTempFile;

/// A regular file that can be read several times. A pipe is copied to a temporary file, removed when this is dropped.
pub struct Input {
    name: PathBuf,
    copy: Option<NamedTempFile>,
}

impl Input {
    /// Checks that there is something to read. `-` is standard input.
    pub fn open(name: &Path) -> anyhow::Result<Self> {
        let shown = name.display();
        let copy = if name == Path::new("-") {
            let stdin = io::stdin();
            if stdin.is_terminal() {
                bail!("standard input is a terminal; redirect a file or a pipe to it");
            }
            Some(copy(stdin.lock()).context("could not read standard input")?)
        } else {
            let kind = fs::metadata(name)
                .with_context(|| format!("could not read {shown}"))?
                .file_type();
            if kind.is_dir() {
                bail!("{shown} is a folder; name a file");
            }
            if kind.is_fifo() {
                let copied = File::open(name).map_err(Into::into).and_then(copy);
                Some(copied.with_context(|| format!("could not read {shown}"))?)
            } else if kind.is_file() {
                None
            } else {
                bail!("{shown} is a device; name a file, or use - for standard input");
            }
        };
        let input = Self {
            name: name.to_owned(),
            copy,
        };
        let length = fs::metadata(input.path())
            .with_context(|| format!("could not read {shown}"))?
            .len();
        if length == 0 {
            bail!("{shown} is empty");
        }
        Ok(input)
    }

    /// The name that the user gave.
    pub fn name(&self) -> &Path {
        &self.name
    }

    /// The file to read.
    pub fn path(&self) -> &Path {
        self.copy.as_ref().map_or(&self.name, NamedTempFile::path)
    }
}

/// Copies everything into a temporary file that only its owner may read.
fn copy(mut from: impl io::Read) -> anyhow::Result<NamedTempFile> {
    let copied = NamedTempFile::new().and_then(|mut to| {
        io::copy(&mut from, &mut to)?;
        Ok(to)
    });
    copied.with_context(|| {
        let folder = std::env::temp_dir();
        format!("could not copy it to {} (TMPDIR)", folder.display())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_devices_and_empty_files_are_rejected() -> anyhow::Result<()> {
        let folder = tempfile::tempdir()?;
        let empty = folder.path().join("empty");
        fs::write(&empty, "")?;

        for (path, reason) in [
            (folder.path(), "is a folder"),
            (Path::new("/dev/null"), "is a device"),
            (&empty, "is empty"),
            (&folder.path().join("missing"), "could not read"),
        ] {
            let error = Input::open(path).err().map(|error| error.to_string());
            assert!(
                error.is_some_and(|error| error.contains(reason)),
                "{}",
                path.display()
            );
        }
        Ok(())
    }
}
