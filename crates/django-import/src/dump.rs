//! What `dumpdata` writes: a JSON list of objects, read one at a time.

use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use serde::Deserialize;
use serde::de::{Deserializer, Error, SeqAccess, Visitor};
use serde_json::{Map, Value};

use super::file::DjangoFile;
use super::staged::Staging;

const UTF8_MARK: &[u8] = b"\xef\xbb\xbf";
const UTF16_LITTLE: &[u8] = b"\xff\xfe";
const UTF16_BIG: &[u8] = b"\xfe\xff";

/// One object of a dump.
#[derive(Debug, Deserialize)]
pub(super) struct Object {
    /// Such as `lettings.letting`.
    pub(super) model: String,
    /// Its id; there is none with `--natural-primary`.
    #[serde(default)]
    pub(super) pk: Value,
    pub(super) fields: Map<String, Value>,
}

/// Whether a file begins as a list in JSON.
pub(super) fn looks_like_one(beginning: &[u8]) -> bool {
    let beginning = beginning.strip_prefix(UTF8_MARK).unwrap_or(beginning);
    let mut visible = beginning.iter().filter(|byte| !byte.is_ascii_whitespace());
    is_utf16(beginning) || visible.next() == Some(&b'[')
}

/// Reads a dump into a database of its own, whose tables are those that Django would have.
pub(super) fn stage(path: &Path) -> anyhow::Result<DjangoFile> {
    let mut staging = Staging::new()?;
    let path = &in_utf8(path, staging.folder())?;
    let mut reader = BufReader::new(File::open(path)?);
    if reader.fill_buf()?.starts_with(UTF8_MARK) {
        reader.consume(UTF8_MARK.len());
    }
    let mut json = serde_json::Deserializer::from_reader(reader);
    let mut failure = None;
    let visitor = Objects(&mut |object| {
        staging.take(&object).map_err(|error| {
            let told = error.to_string();
            failure = Some(error);
            told
        })
    });
    let read = json.deserialize_seq(visitor).and_then(|()| json.end());
    if let Some(failure) = failure {
        return Err(failure);
    }
    read.context("it is no dump of Django's")?;
    staging.finish()
}

/// Hands on each object as it is read.
struct Objects<'a>(&'a mut dyn FnMut(Object) -> Result<(), String>);

impl<'de> Visitor<'de> for Objects<'_> {
    type Value = ();

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a list of objects with model, pk and fields")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<(), A::Error> {
        while let Some(object) = sequence.next_element()? {
            (self.0)(object).map_err(A::Error::custom)?;
        }
        Ok(())
    }
}

fn is_utf16(beginning: &[u8]) -> bool {
    beginning.starts_with(UTF16_LITTLE) || beginning.starts_with(UTF16_BIG)
}

/// The file, or a copy in UTF-8: some shells write what a program prints in UTF-16.
fn in_utf8(path: &Path, folder: &Path) -> anyhow::Result<PathBuf> {
    let mut reader = BufReader::new(File::open(path)?);
    let beginning = reader.fill_buf()?;
    if !is_utf16(beginning) {
        return Ok(path.to_owned());
    }
    let is_little = beginning.starts_with(UTF16_LITTLE);
    reader.consume(UTF16_LITTLE.len());
    let copy = folder.join("dump.json");
    let mut writer = BufWriter::new(File::create_new(&copy)?);
    let mut bytes = reader.bytes();
    let units = std::iter::from_fn(|| {
        let pair = [bytes.next()?.ok()?, bytes.next()?.ok()?];
        Some(if is_little {
            u16::from_le_bytes(pair)
        } else {
            u16::from_be_bytes(pair)
        })
    });
    for character in char::decode_utf16(units) {
        let Ok(character) = character else {
            bail!("its UTF-16 has half a character in it");
        };
        writer.write_all(character.encode_utf8(&mut [0; 4]).as_bytes())?;
    }
    writer.flush()?;
    Ok(copy)
}
