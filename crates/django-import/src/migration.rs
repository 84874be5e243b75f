//! One pass over a source: every row is checked and, with a database, inserted.

use std::collections::{BTreeMap, HashMap};

use anyhow::Context;
use diesel::QueryResult;
use oc_core::DbConnection;
use transfer::progress::Progress;

use super::layout::{Layout, Model};
use super::permissions::Permissions;
use super::report::Report;
use super::row::{LARGEST_ID, Reference, SourceRow};
use super::source::Source;

/// Rows per insert.
const BATCH: usize = 1_000;

/// Options of an import.
#[derive(Debug, Clone, Copy, Default)]
pub struct Options {
    /// Check everything, write nothing.
    pub dry_run: bool,
    /// Import the other rows where some can't be imported.
    pub skip_bad: bool,
    /// Show e-mail addresses on all imported profiles.
    pub show_emails: bool,
}

/// The state of a pass.
pub(crate) struct Migration<'a> {
    pub(crate) conn: Option<&'a mut DbConnection>,
    pub(crate) progress: Progress,
    pub(crate) options: Options,
    pub(crate) layout: Layout,
    pub(crate) permissions: Permissions,
    pub(crate) report: &'a mut Report,
    /// Whether a password is the leaked one, by user id. Each is verified once, which takes a fifth of a second, though
    /// it is read twice.
    pub(crate) leaked: &'a mut HashMap<i64, bool>,
    pub(crate) imported: BTreeMap<Model, ImportedRows>,
    /// The last id that the old site assigned for each model.
    pub(crate) last_ids: BTreeMap<Model, i64>,
}

/// The rows of a model that were imported.
#[derive(Default)]
pub(crate) struct ImportedRows {
    /// Their unique values by id; empty for models without one.
    ids: HashMap<i64, String>,
    names: HashMap<String, i64>,
}

impl Migration<'_> {
    /// Checks and inserts the rows of a model.
    pub(crate) fn import<T>(
        &mut self,
        source: &mut Source,
        model: Model,
        check: impl Fn(&mut Self, &mut SourceRow) -> Option<T>,
        insert: impl Fn(&mut DbConnection, Vec<T>) -> QueryResult<()>,
    ) -> anyhow::Result<()> {
        let name = model.report_name();
        let name = name.with_context(|| format!("the model {model:?} is not imported"))?;
        let mut batch = Vec::new();
        source.read(model, &mut |mut row| {
            self.progress.add(1);
            let id = row.id();
            self.note_id(model, id);
            if self.rows(model).ids.contains_key(&id) {
                row.reject("id", "another row has this id");
            }
            let checked = check(self, &mut row).filter(|_| row.problems.is_empty());
            self.report.count(name, checked.is_some());
            self.report.problems.extend(row.problems);
            if let Some(checked) = checked {
                let rows = self.rows(model);
                if !row.unique.is_empty() {
                    rows.names.insert(row.unique.clone(), id);
                }
                rows.ids.insert(id, row.unique);
                batch.push(checked);
                if batch.len() == BATCH {
                    self.insert(&mut batch, &insert)?;
                }
            }
            Ok(())
        })?;
        self.insert(&mut batch, &insert)
    }

    fn insert<T>(
        &mut self,
        batch: &mut Vec<T>,
        insert: impl FnOnce(&mut DbConnection, Vec<T>) -> QueryResult<()>,
    ) -> anyhow::Result<()> {
        let rows = std::mem::take(batch);
        match &mut self.conn {
            Some(conn) if !rows.is_empty() => {
                insert(conn, rows).context("could not write to the database")
            }
            _ => Ok(()),
        }
    }

    fn rows(&mut self, model: Model) -> &mut ImportedRows {
        self.imported.entry(model).or_default()
    }

    /// Makes sure that an id is not assigned again.
    pub(crate) fn note_id(&mut self, model: Model, id: i64) {
        if (1..=LARGEST_ID).contains(&id) {
            let last_id = self.last_ids.entry(model).or_default();
            *last_id = id.max(*last_id);
        }
    }

    /// Rejects a row whose value an imported row has already.
    pub(crate) fn check_unique(
        &mut self,
        model: Model,
        row: &mut SourceRow,
        field: &str,
        value: String,
        taken: &str,
    ) {
        if self.rows(model).names.contains_key(&value) {
            row.reject(field, taken);
        }
        row.unique = value;
    }

    /// The id and the unique value of a referenced row that was imported.
    pub(crate) fn find(&mut self, model: Model, reference: &Reference) -> Option<(i64, &str)> {
        let ImportedRows { ids, names } = self.rows(model);
        let id = match reference {
            Reference::Id(id) => *id,
            Reference::NaturalKey(key) if key.len() == 1 => *names.get(&key[0])?,
            Reference::NaturalKey(_) | Reference::None => return None,
        };
        Some((id, ids.get(&id)?))
    }

    /// The id of the row that a field refers to, which must have been imported.
    pub(crate) fn require(&mut self, model: Model, row: &mut SourceRow, field: &str) -> i64 {
        let reference = row.reference(field);
        if let Some((id, _)) = self.find(model, &reference) {
            return id;
        }
        let shown = row.shown(field);
        let reason = format!("refers to {field} {shown}, which does not exist or was skipped");
        row.reject(field, reason);
        0
    }
}
