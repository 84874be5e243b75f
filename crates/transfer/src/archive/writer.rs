//! Writing a backup.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use anyhow::{Context, bail};
use flate2::Compression;
use flate2::write::GzEncoder;
use serde::Serialize;
use sha2::{Digest as _, Sha256};
use tempfile::NamedTempFile;

use super::line::{End, TableEnd};
use crate::progress::Progress;
use crate::source::Source;

/// Writes everything that the source hands out into a file, which appears under its name when it is whole and on
/// the disk. Until then it lies beside it, under a name that begins with a dot. Only its owner can read it: it
/// holds the hashes of passwords.
///
/// # Errors
/// Among others when there is such a file already, unless it may be replaced.
pub fn write(path: &Path, source: &mut dyn Source, replace: bool) -> anyhow::Result<()> {
    check_free(path, replace)?;
    let folder = match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    };
    let mut file = tempfile::Builder::new()
        .prefix(".oc-lettings-")
        .suffix(".part")
        .tempfile_in(folder)
        .with_context(|| format!("cannot write in the folder {}", folder.display()))?;
    fill(&mut file, source).with_context(|| format!("cannot write {}", path.display()))?;
    let result = if replace {
        file.persist(path)
    } else {
        file.persist_noclobber(path)
    };
    result
        .map_err(|error| error.error)
        .with_context(|| format!("cannot give the backup its name {}", path.display()))?;
    // The name is on the disk only when its folder is.
    #[cfg(unix)]
    File::open(folder)
        .and_then(|folder| folder.sync_all())
        .with_context(|| format!("cannot write the folder {}", folder.display()))?;
    Ok(())
}

/// Refuses early what would be refused at the end.
fn check_free(path: &Path, replace: bool) -> anyhow::Result<()> {
    if path.is_dir() {
        bail!("{} is a folder; name a file", path.display());
    }
    if !replace && path.symlink_metadata().is_ok() {
        bail!(
            "the file {} exists already; name another one, or replace it with --force",
            path.display()
        );
    }
    Ok(())
}

fn fill(file: &mut NamedTempFile, source: &mut dyn Source) -> anyhow::Result<()> {
    let header = source.header().clone();
    let progress = Progress::new("writing", header.rows());
    let gzip = GzEncoder::new(BufWriter::new(file.as_file_mut()), Compression::default());
    let mut lines = Lines {
        out: gzip,
        hasher: Sha256::new(),
    };
    lines.line(&header)?;
    let mut rows = 0;
    for table in &header.tables {
        let digest = source.rows(table, &mut |batch| {
            progress.add(batch.rows);
            lines.bytes(&batch.lines)
        })?;
        rows += digest.rows;
        lines.line(&TableEnd::new(&table.name, &digest))?;
    }
    source.finish()?;
    let end = End::new(rows, hex::encode(lines.hasher.clone().finalize()));
    lines.line(&end)?;
    let file = lines
        .out
        .finish()?
        .into_inner()
        .map_err(std::io::IntoInnerError::into_error)?;
    file.sync_all()?;
    Ok(())
}

/// Lines on their way into the file, and the checksum over them.
struct Lines<W: Write> {
    out: W,
    hasher: Sha256,
}

impl<W: Write> Lines<W> {
    fn line(&mut self, line: &impl Serialize) -> anyhow::Result<()> {
        let mut bytes = serde_json::to_vec(line)?;
        bytes.push(b'\n');
        self.bytes(&bytes)
    }

    fn bytes(&mut self, bytes: &[u8]) -> anyhow::Result<()> {
        self.hasher.update(bytes);
        Ok(self.out.write_all(bytes)?)
    }
}

#[cfg(test)]
mod tests {
    use oc_core::testing::TestDb;

    use super::*;
    use crate::Snapshot;
    use crate::archive::Archive;

    #[test]
    fn a_file_that_is_there_is_kept_unless_told_otherwise() -> anyhow::Result<()> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("backup.oc");
        std::fs::write(&path, "precious")?;
        let mut conn = TestDb::sqlite()?.connect()?;

        let refused = write(&path, &mut Snapshot::new(&mut conn, "")?, false);
        assert!(refused.is_err_and(|error| error.to_string().contains("exists already")));
        assert_eq!(std::fs::read(&path)?, b"precious");

        write(&path, &mut Snapshot::new(&mut conn, "")?, true)?;
        Archive::verify(&path)?;
        assert_eq!(std::fs::read_dir(folder.path())?.count(), 1);
        Ok(())
    }

    #[cfg(unix)]
    #[test]
    fn only_its_owner_can_read_it() -> anyhow::Result<()> {
        use std::os::unix::fs::PermissionsExt;

        let folder = tempfile::tempdir()?;
        let path = folder.path().join("backup.oc");
        let mut conn = TestDb::sqlite()?.connect()?;

        write(&path, &mut Snapshot::new(&mut conn, "")?, false)?;

        assert_eq!(path.metadata()?.permissions().mode() & 0o777, 0o600);
        Ok(())
    }
}
