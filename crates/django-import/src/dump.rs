//! Reads what `dumpdata` writes.

use std::collections::BTreeMap;
use std::fs;
use std::iter;
use std::path::Path;

use anyhow::{Context, ensure};
use encoding_rs::UTF_8;
use serde::Deserialize;
use serde_json::{Map, Value};

/// An object of a dump.
#[derive(Deserialize)]
pub(crate) struct DumpObject {
    /// Such as `lettings.letting`.
    model: String,
    /// Its id; absent with `--natural-primary`.
    #[serde(default)]
    pub(crate) pk: Value,
    pub(crate) fields: Map<String, Value>,
}

/// Reads the objects of a dump, by model. Some shells write UTF-16 or a byte order mark, which are understood.
pub(crate) fn read(path: &Path) -> anyhow::Result<BTreeMap<String, Vec<DumpObject>>> {
    let bytes = fs::read(path).context("could not open it")?;
    let (text, _, has_errors) = UTF_8.decode(&bytes);
    let list = list(&text)
        .context("it is neither a SQLite database nor the JSON list that dumpdata writes")?;
    ensure!(!has_errors, "its text is damaged");
    let objects: Vec<DumpObject> =
        serde_json::from_str(list).context("it is not what dumpdata writes")?;
    let mut models: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for object in objects {
        let model = object.model.to_lowercase();
        models.entry(model).or_default().push(object);
    }
    Ok(models)
}

/// The list of objects. The settings of a site may print lines before it, even lists of other things.
fn list(text: &str) -> Option<&str> {
    let line_breaks = text.match_indices('\n').map(|(at, _)| at + 1);
    let mut lines = iter::once(0)
        .chain(line_breaks)
        .map(|at| text[at..].trim_start_matches([' ', '\t']));
    lines.find(|rest| {
        let inside = rest.strip_prefix('[').map(str::trim_start);
        inside.is_some_and(|inside| inside.starts_with(['{', ']']))
    })
}
