//! Reads what `dumpdata` writes, object by object, into a temporary SQLite database.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use anyhow::Context;
use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sqlite::SqliteConnection;
use encoding_rs_io::DecodeReaderBytesBuilder;
use serde::Deserialize;
use serde::de::{Deserializer, Error, SeqAccess, Visitor};
use serde_json::{Map, Value};
use tempfile::TempDir;

use super::layout::Model;

/// The database is temporary, so nothing is done for its durability.
const CREATE: &str = "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; \
    CREATE TABLE objects (number INTEGER PRIMARY KEY, model TEXT NOT NULL, pk TEXT NOT NULL, fields TEXT NOT NULL); \
    BEGIN;";

diesel::table! {
    objects (number) {
        number -> BigInt,
        model -> Text,
        pk -> Text,
        fields -> Text,
    }
}

/// An object of a dump.
#[derive(Debug, Deserialize)]
struct DumpObject {
    /// Such as `lettings.letting`.
    model: String,
    /// Its id; absent with `--natural-primary`.
    #[serde(default)]
    pk: Value,
    fields: Map<String, Value>,
}

/// The objects of a dump.
pub(crate) struct Dump {
    pub(crate) conn: SqliteConnection,
    pub(crate) folder: TempDir,
    /// Number of objects by model.
    pub(crate) counts: BTreeMap<String, u64>,
}

/// Whether a file begins like a JSON list, perhaps after lines that the settings of a site print; in UTF-8 or UTF-16.
pub(crate) fn is_dump(start: &[u8]) -> bool {
    let start = start.strip_prefix(b"\xef\xbb\xbf").unwrap_or(start);
    start.split(|byte| *byte == b'\n').any(is_list)
        || start.starts_with(b"\xff\xfe")
        || start.starts_with(b"\xfe\xff")
}

/// Whether a line begins a list of objects. Settings may print a list of other things, or a warning in brackets.
fn is_list(line: &[u8]) -> bool {
    let line = line.trim_ascii_start();
    let rest = line.strip_prefix(b"[").map(<[u8]>::trim_ascii_start);
    rest.is_some_and(|rest| matches!(rest.first(), None | Some(b'{' | b']')))
}

/// Reads a dump. Some shells write UTF-16 or a byte order mark, which are understood.
pub(crate) fn read(path: &Path) -> anyhow::Result<Dump> {
    let file = File::open(path).context("could not open it")?;
    let text = DecodeReaderBytesBuilder::new()
        .strip_bom(true)
        .utf8_passthru(true)
        .build(file);
    read_from(text)
}

pub(crate) fn read_from(text: impl Read) -> anyhow::Result<Dump> {
    let folder = tempfile::tempdir().context("could not create a temporary folder")?;
    let place = folder.path().join("dump.sqlite3");
    let mut conn = SqliteConnection::establish(&place.to_string_lossy())?;
    conn.batch_execute(CREATE)?;
    let mut counts = BTreeMap::new();
    let mut failure = None;
    let visitor = ObjectVisitor(&mut |object| {
        store(&mut conn, &mut counts, object).map_err(|error| failure.insert(error).to_string())
    });
    let mut text = BufReader::new(text);
    loop {
        let start = text.fill_buf()?;
        if start.is_empty() || is_list(start) {
            break;
        }
        text.skip_until(b'\n')?;
    }
    let mut json = serde_json::Deserializer::from_reader(text);
    let read = json.deserialize_seq(visitor).and_then(|()| json.end());
    if let Some(failure) = failure {
        return Err(failure).context("could not write a temporary file");
    }
    read.context("it is not what dumpdata writes")?;
    conn.batch_execute("CREATE INDEX objects_model ON objects (model, number); COMMIT; BEGIN")?;
    Ok(Dump {
        conn,
        folder,
        counts,
    })
}

fn store(
    conn: &mut SqliteConnection,
    counts: &mut BTreeMap<String, u64>,
    object: DumpObject,
) -> anyhow::Result<()> {
    let model = object.model.to_lowercase();
    if Model::find(&model).is_some() {
        let pk = match object.pk {
            Value::String(pk) => pk,
            Value::Null => String::new(),
            other => other.to_string(),
        };
        let values = (
            objects::model.eq(&model),
            objects::pk.eq(pk),
            objects::fields.eq(serde_json::to_string(&object.fields)?),
        );
        diesel::insert_into(objects::table)
            .values(values)
            .execute(conn)?;
    }
    *counts.entry(model).or_default() += 1;
    Ok(())
}

/// Passes on each object as it is read.
struct ObjectVisitor<'a>(&'a mut dyn FnMut(DumpObject) -> Result<(), String>);

impl<'de> Visitor<'de> for ObjectVisitor<'_> {
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
