//! Damaged, foreign and recompressed backups.

use std::fs::File;
use std::io::{BufReader, Read, Write};
use std::path::{Path, PathBuf};

use flate2::bufread::GzDecoder;
use flate2::write::GzEncoder;
use flate2::{Compression, GzBuilder};
use oc_core::testing::TestDb;
use proptest::prelude::*;

use super::Archive;
use crate::{Input, Snapshot, archive};

/// A small backup, and its folder.
fn backup() -> anyhow::Result<(tempfile::TempDir, PathBuf)> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("backup.oc");
    let mut conn = TestDb::sqlite()?.connect()?;
    crate::tests::user(&mut conn, "ada")?;
    archive::write(&path, &mut Snapshot::new(conn, "")?, false)?;
    Ok((folder, path))
}

/// Why these bytes are rejected; empty if they are not.
fn rejection(path: &Path, bytes: &[u8]) -> anyhow::Result<String> {
    std::fs::write(path, bytes)?;
    Ok(
        match Input::open(path).and_then(|input| Archive::verify(&input)) {
            Ok(_) => String::new(),
            Err(error) => format!("{error:#}"),
        },
    )
}

fn compress(text: &str) -> anyhow::Result<Vec<u8>> {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::default());
    gzip.write_all(text.as_bytes())?;
    Ok(gzip.finish()?)
}

fn decompress(path: &Path) -> anyhow::Result<String> {
    let mut text = String::new();
    GzDecoder::new(BufReader::new(File::open(path)?)).read_to_string(&mut text)?;
    Ok(text)
}

#[test]
fn any_flipped_byte_that_changes_the_content_is_detected() -> anyhow::Result<()> {
    let (_folder, path) = backup()?;
    let original = std::fs::read(&path)?;
    let text = decompress(&path)?;

    for position in 0..original.len() {
        let mut bytes = original.clone();
        bytes[position] ^= 0xff;
        // Time and system in the header of gzip change nothing, and a flip elsewhere may copy equal letters.
        assert!(
            !rejection(&path, &bytes)?.is_empty() || decompress(&path)? == text,
            "byte {position} of {}",
            original.len()
        );
    }
    assert_eq!(rejection(&path, &original)?, "");
    Ok(())
}

#[test]
fn any_truncation_is_detected() -> anyhow::Result<()> {
    let (_folder, path) = backup()?;
    let original = std::fs::read(&path)?;

    for length in 10..original.len() {
        let reason = rejection(&path, &original[..length])?;
        assert!(reason.contains("is cut short"), "{length}: {reason}");
    }
    assert!(rejection(&path, &[])?.contains("is empty"));
    Ok(())
}

#[test]
fn a_decompressed_or_recompressed_backup_is_accepted() -> anyhow::Result<()> {
    let (_folder, path) = backup()?;
    let text = decompress(&path)?;

    assert_eq!(rejection(&path, text.as_bytes())?, "");
    let mut by_another_tool = GzBuilder::new()
        .filename("backup.oc")
        .mtime(1_790_000_000)
        .write(Vec::new(), Compression::best());
    by_another_tool.write_all(text.as_bytes())?;
    assert_eq!(rejection(&path, &by_another_tool.finish()?)?, "");
    // Parallel compressors write several members.
    let (start, end) = text.split_at(text.len() / 2);
    let members = [compress(start)?, compress(end)?].concat();
    assert_eq!(rejection(&path, &members)?, "");
    Ok(())
}

#[test]
fn foreign_files_and_newer_formats_have_different_errors() -> anyhow::Result<()> {
    let (_folder, path) = backup()?;
    let text = decompress(&path)?;
    let newer = text.replace("\"format_version\":1", "\"format_version\":2");

    let foreign = "is not a backup of this site";
    assert!(rejection(&path, b"notes\n")?.contains(foreign));
    assert!(rejection(&path, b"SQLite format 3\0")?.contains("use `copy`"));
    assert!(rejection(&path, &compress("{\"a\":1}\n")?)?.contains(foreign));
    assert!(rejection(&path, &compress(&newer)?)?.contains("has the format 2"));
    Ok(())
}

#[test]
fn changed_missing_and_extra_lines_are_detected() -> anyhow::Result<()> {
    let (_folder, path) = backup()?;
    let text = decompress(&path)?;
    let mut lines: Vec<&str> = text.lines().collect();
    let row = lines.iter().position(|line| line.starts_with('[')).unwrap();

    let changed = text.replace("ada@example.org", "eve@example.org");
    assert!(rejection(&path, changed.as_bytes())?.contains("is damaged"));
    let header = text.replace("\"database\":\"SQLite", "\"database\":\"SQLate");
    assert!(rejection(&path, header.as_bytes())?.contains("is damaged"));
    let longer = format!("{text}[]\n");
    assert!(rejection(&path, longer.as_bytes())?.contains("follows its end"));
    let twice = [compress(&text)?, compress(&text)?].concat();
    assert!(rejection(&path, &twice)?.contains("follows its end"));
    lines.remove(row);
    let missing = rejection(&path, (lines.join("\n") + "\n").as_bytes())?;
    assert!(
        missing.contains("the table users does not match"),
        "{missing}"
    );
    Ok(())
}

/// Bytes that replace a range of a file.
fn damage() -> impl Strategy<Value = (usize, usize, Vec<u8>)> {
    const TOKENS: [&str; 7] = ["[", "]", "{\"end_of\":", "null", "\n", "1e999", "[[[["];
    let piece = prop_oneof![
        proptest::collection::vec(any::<u8>(), 0..8),
        proptest::sample::select(&TOKENS[..]).prop_map(|text| text.as_bytes().to_vec()),
    ];
    // Also of the same length, which moves nothing.
    let length = prop_oneof![(0..200_usize).prop_map(Some), Just(None)];
    (any::<usize>(), length, piece).prop_map(|(at, length, piece)| {
        let length = length.unwrap_or(piece.len());
        (at, length, piece)
    })
}

#[test]
fn no_damage_makes_the_reader_panic_or_accept_other_rows() -> anyhow::Result<()> {
    let (_folder, path) = backup()?;
    let compressed = std::fs::read(&path)?;
    let text = decompress(&path)?;
    let damage = proptest::collection::vec(damage(), 1..6);
    let config = ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::default()
    };

    proptest!(config, |(damage in damage, is_compressed in any::<bool>())| {
        let mut bytes = if is_compressed { compressed.clone() } else { text.clone().into_bytes() };
        for (at, length, piece) in damage {
            let at = at % bytes.len().max(1);
            drop(bytes.splice(at..bytes.len().min(at + length), piece));
        }
        let reason = rejection(&path, &bytes).expect("the file can be written");
        if reason.is_empty() {
            let accepted = decompress(&path).or_else(|_| std::fs::read_to_string(&path));
            prop_assert_eq!(accepted.expect("it was read before"), text.as_str());
        }
    });
    Ok(())
}
