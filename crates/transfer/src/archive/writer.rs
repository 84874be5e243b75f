//! Writes a backup.

use std::fs::File;
use std::io::Write;
use std::path::Path;

use anyhow::Context;
use flate2::Compression;
use flate2::write::GzEncoder;
use serde::{Deserialize, Serialize};

use super::output::Output;
use crate::digest::{Digest, Digester};
use crate::progress::Progress;
use crate::source::Source;

/// The line after the rows of a table.
#[derive(Serialize, Deserialize)]
pub(super) struct TableTrailer {
    pub(super) end_of: String,
    #[serde(flatten)]
    pub(super) digest: Digest,
}

/// Writes all rows of the source to a file, a pipe, a device or, for `-`, standard output.
///
/// A file appears under its name once it is complete and on disk; until then it is hidden beside it. Only its owner may
/// read it, since it contains password hashes. An existing file is only replaced with `replace`.
pub fn write(path: &Path, source: &mut dyn Source, replace: bool) -> anyhow::Result<()> {
    let output = Output::open(path, replace)?;
    write_lines(&output.file, source)
        .and_then(|()| output.finish())
        .with_context(|| format!("could not write {}", path.display()))
}

fn write_lines(file: &File, source: &mut dyn Source) -> anyhow::Result<()> {
    let header = source.header().clone();
    let progress = Progress::new("writing", header.rows());
    let mut lines = LineWriter {
        out: GzEncoder::new(file, Compression::default()),
        total: Digester::default(),
    };
    lines.write_line(&header)?;
    for table in &header.tables {
        let digest = source.rows(table, &mut |rows| {
            progress.add(rows.len());
            lines.write_rows(rows)
        })?;
        let end_of = table.name.clone();
        lines.write_line(&TableTrailer { end_of, digest })?;
    }
    source.finish()?;
    let total = lines.total.clone().finish();
    lines.write_line(&total)?;
    lines.out.finish()?;
    Ok(())
}

/// Writes lines and computes their checksum.
struct LineWriter<'f> {
    out: GzEncoder<&'f File>,
    total: Digester,
}

impl LineWriter<'_> {
    fn write_line(&mut self, line: &impl Serialize) -> anyhow::Result<()> {
        let line = serde_json::to_string(line)? + "\n";
        self.total.add_line(&line);
        Ok(self.out.write_all(line.as_bytes())?)
    }

    fn write_rows(&mut self, rows: &[String]) -> anyhow::Result<()> {
        self.total.add_rows(rows);
        for row in rows {
            self.out.write_all(row.as_bytes())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use oc_core::testing::TestDb;
    use tempfile::TempDir;

    use super::*;
    use crate::archive::Archive;
    use crate::{Input, Snapshot};

    fn backup(path: &Path, replace: bool) -> anyhow::Result<()> {
        let conn = TestDb::sqlite()?.connect()?;
        write(path, &mut Snapshot::new(conn, "")?, replace)
    }

    fn verify(path: &Path) -> anyhow::Result<()> {
        Archive::verify(&Input::open(path)?).map(drop)
    }

    #[test]
    fn an_existing_file_is_only_replaced_with_force() -> anyhow::Result<()> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("backup.oc");
        fs::write(&path, "precious")?;

        let rejected = backup(&path, false);
        assert!(rejected.is_err_and(|error| error.to_string().contains("already exists")));
        assert_eq!(fs::read(&path)?, b"precious");

        backup(&path, true)?;
        verify(&path)?;
        assert_eq!(fs::read_dir(folder.path())?.count(), 1);
        Ok(())
    }

    #[test]
    fn only_its_owner_may_read_it() -> anyhow::Result<()> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("backup.oc");

        backup(&path, false)?;

        assert_eq!(path.metadata()?.permissions().mode() & 0o777, 0o600);
        Ok(())
    }

    #[test]
    fn a_link_stays_a_link_and_its_file_is_replaced() -> anyhow::Result<()> {
        let (folder, elsewhere): (TempDir, TempDir) = (tempfile::tempdir()?, tempfile::tempdir()?);
        let (link, file) = (folder.path().join("latest"), elsewhere.path().join("file"));
        std::os::unix::fs::symlink(&file, &link)?;

        let dangling = backup(&link, true).map_err(|error| error.to_string());
        assert!(dangling.is_err_and(|error| error.contains("does not exist")));

        fs::write(&file, "old")?;
        backup(&link, true)?;
        assert!(link.is_symlink());
        verify(&file)
    }

    #[test]
    fn a_pipe_is_written_to_and_a_device_stays_one() -> anyhow::Result<()> {
        use std::os::unix::fs::FileTypeExt;

        let folder = tempfile::tempdir()?;
        let pipe = folder.path().join("pipe");
        let made = std::process::Command::new("mkfifo").arg(&pipe).status()?;
        assert!(made.success());

        let reader = std::thread::spawn({
            let pipe = pipe.clone();
            move || verify(&pipe)
        });
        backup(&pipe, true)?;
        reader.join().expect("the reader does not panic")?;
        backup(Path::new("/dev/null"), true)?;

        assert!(pipe.metadata()?.file_type().is_fifo());
        assert!(
            Path::new("/dev/null")
                .metadata()?
                .file_type()
                .is_char_device()
        );
        Ok(())
    }
}
