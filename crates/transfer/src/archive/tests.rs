//! What a backup is held to: every byte of it.

use std::fs::File;
use std::io::{BufReader, Read, Write};
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::bufread::GzDecoder;
use flate2::write::GzEncoder;
use oc_core::testing::TestDb;

use super::Archive;
use crate::{Snapshot, archive};

/// A small backup, and the folder that it lies in.
fn backup() -> anyhow::Result<(tempfile::TempDir, PathBuf)> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("backup.oc");
    let mut conn = TestDb::sqlite()?.connect()?;
    oc_core::testing::user(&mut conn, "ada")?;
    archive::write(&path, &mut Snapshot::new(&mut conn, "")?, false)?;
    Ok((folder, path))
}

fn refused(path: &Path, bytes: &[u8]) -> anyhow::Result<String> {
    std::fs::write(path, bytes)?;
    Ok(match Archive::verify(path) {
        Ok(_) => String::new(),
        Err(error) => format!("{error:#}"),
    })
}

fn packed(text: &str) -> anyhow::Result<Vec<u8>> {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::default());
    gzip.write_all(text.as_bytes())?;
    Ok(gzip.finish()?)
}

fn unpacked(path: &Path) -> anyhow::Result<String> {
    let mut text = String::new();
    GzDecoder::new(BufReader::new(File::open(path)?)).read_to_string(&mut text)?;
    Ok(text)
}

#[test]
fn a_flipped_byte_that_changes_anything_is_noticed() -> anyhow::Result<()> {
    let (_folder, path) = backup()?;
    let whole = std::fs::read(&path)?;
    let text = unpacked(&path)?;

    for place in 0..whole.len() {
        let mut bytes = whole.clone();
        bytes[place] ^= 0xff;
        // Once in a while gzip then copies the very same letters from another place.
        assert!(
            !refused(&path, &bytes)?.is_empty() || unpacked(&path)? == text,
            "byte {place} of {}",
            whole.len()
        );
    }
    assert_eq!(refused(&path, &whole)?, "");
    Ok(())
}

#[test]
fn any_cut_is_noticed() -> anyhow::Result<()> {
    let (_folder, path) = backup()?;
    let whole = std::fs::read(&path)?;

    for length in 10..whole.len() {
        let reason = refused(&path, &whole[..length])?;
        assert!(reason.contains("is cut short"), "{length}: {reason}");
    }
    assert!(refused(&path, &[])?.contains("is empty"));
    Ok(())
}

#[test]
fn other_files_and_newer_formats_are_told_apart() -> anyhow::Result<()> {
    let (_folder, path) = backup()?;
    let text = unpacked(&path)?;
    let newer = text.replace("\"format_version\":1", "\"format_version\":2");

    let foreign = "is no backup of this site";
    assert!(refused(&path, b"SQLite format 3\0")?.contains(foreign));
    assert!(refused(&path, &packed("{\"a\":1}\n")?)?.contains(foreign));
    assert!(refused(&path, &packed(&newer)?)?.contains("has the format 2"));
    assert_eq!(refused(&path, &packed(&text)?)?, "");
    Ok(())
}

#[test]
fn lines_that_were_changed_dropped_or_added_are_noticed() -> anyhow::Result<()> {
    let (_folder, path) = backup()?;
    let text = unpacked(&path)?;
    let mut lines: Vec<&str> = text.lines().collect();
    let row = lines.iter().position(|line| line.starts_with('[')).unwrap();

    let changed = text.replace("ada@example.org", "eve@example.org");
    assert!(refused(&path, &packed(&changed)?)?.contains("is damaged"));
    let header = text.replace("\"database\":\"SQLite", "\"database\":\"SQLate");
    assert!(refused(&path, &packed(&header)?)?.contains("is damaged"));
    assert!(refused(&path, &packed(&format!("{text}[]\n"))?)?.contains("after its end"));
    let mut twice = packed(&text)?;
    twice.extend(packed(&text)?);
    assert!(refused(&path, &twice)?.contains("follows its end"));
    lines.remove(row);
    let dropped = refused(&path, &packed(&(lines.join("\n") + "\n"))?)?;
    assert!(dropped.contains("the table users differs"), "{dropped}");
    lines.insert(row, "[1,2]");
    let other = refused(&path, &packed(&(lines.join("\n") + "\n"))?)?;
    assert!(other.contains("a row of the table users is not"), "{other}");
    Ok(())
}
