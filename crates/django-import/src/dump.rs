//! Reads what `dumpdata` writes.

use std::collections::BTreeMap;
use std::fmt;
use std::fs::File;
use std::io::Read;
use std::iter;
use std::path::Path;
use std::rc::Rc;

use anyhow::{Context, bail};
use encoding_rs::UTF_8;
use serde::Deserialize;
use serde::de::{Deserializer, SeqAccess, Visitor};
use serde_json::{Map, Value};

use super::layout::Model;
use super::row::Fields;

/// The ids and the fields of the objects of each model.
pub(crate) type Objects = BTreeMap<String, Vec<(String, Fields)>>;

/// The objects of a dump. Those of models that are not imported are only counted.
#[derive(Default)]
pub(crate) struct Dump {
    pub(crate) counts: BTreeMap<String, u64>,
    pub(crate) objects: Objects,
}

#[derive(Deserialize)]
struct DumpObject {
    /// Such as `lettings.letting`.
    model: String,
    /// Its id; absent with `--natural-primary`.
    #[serde(default)]
    pk: Value,
    fields: Map<String, Value>,
}

/// Reads a dump. Some shells write UTF-16 or a byte order mark, which are understood.
pub(crate) fn read(path: &Path) -> anyhow::Result<Dump> {
    let mut file = File::open(path).context("could not open it")?;
    let mut bytes = Vec::new();
    file.by_ref().take(8 * 1024).read_to_end(&mut bytes)?;
    // Another large file, such as an SQL dump, may not fit into memory.
    if find_list(&UTF_8.decode(&bytes).0).is_some() {
        file.read_to_end(&mut bytes)?;
    }
    let (text, _, has_errors) = UTF_8.decode(&bytes);
    let list = find_list(&text)
        .context("it is neither a SQLite database nor the JSON list that dumpdata writes")?;
    if has_errors {
        let (line, column) = find_damage(&bytes);
        bail!("its text is damaged at line {line} column {column}");
    }
    let mut json = serde_json::Deserializer::from_str(list);
    json.deserialize_seq(Dump::default())
        .and_then(|dump| json.end().map(|()| dump))
        .context("it is not what dumpdata writes")
}

/// The list of objects. The settings of a site may print lines before it, even lists of other things.
fn find_list(text: &str) -> Option<&str> {
    let line_breaks = text.match_indices('\n').map(|(at, _)| at + 1);
    let mut lines = iter::once(0)
        .chain(line_breaks)
        .map(|at| text[at..].trim_start_matches([' ', '\t']));
    lines.find(|rest| {
        let inside = rest.strip_prefix('[').map(str::trim_start);
        inside.is_some_and(|inside| inside.is_empty() || inside.starts_with(['{', ']']))
    })
}

/// Line and column of the first bytes that are not text.
fn find_damage(bytes: &[u8]) -> (usize, usize) {
    let mut decoder = UTF_8.new_decoder();
    let length = decoder.max_utf8_buffer_length_without_replacement(bytes.len());
    let mut intact = String::with_capacity(length.unwrap_or_default());
    let _ = decoder.decode_to_string_without_replacement(bytes, &mut intact, true);
    let last_line = intact.rsplit('\n').next().unwrap_or_default();
    (intact.split('\n').count(), last_line.chars().count() + 1)
}

impl<'de> Visitor<'de> for Dump {
    type Value = Self;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of objects with model, pk and fields")
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut sequence: A) -> Result<Self, A::Error> {
        while let Some(DumpObject { model, pk, fields }) = sequence.next_element()? {
            let model = model.to_lowercase();
            *self.counts.entry(model.clone()).or_default() += 1;
            if Model::find(&model).is_some() {
                let pk = match pk {
                    Value::String(pk) => pk,
                    Value::Null => String::new(),
                    other => other.to_string(),
                };
                let objects = self.objects.entry(model).or_default();
                objects.push((pk, Rc::new(fields)));
            }
        }
        Ok(self)
    }
}
