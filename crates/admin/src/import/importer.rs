//! Importing rows: each is saved like a form, all of them or none.

use std::collections::{BTreeMap, BTreeSet};

use diesel::result::Error as DatabaseError;
use oc_core::DbConnection;
use oc_core::admin::{Record, Resource, SaveError};
use oc_core::locks::lock_all;
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::csv_table::{CsvTable, RowError};
use super::planned_row::{PlannedRow, row_errors};
use crate::audit_log::log_entry::{LogEntry, log_changes};
use crate::audit_log::snapshot::{FieldChange, Snapshot};
use crate::registry::Editor;

/// Rows that are saved and loaded together.
const CHUNK: usize = 200;

/// The most changes that a preview shows.
const MAX_PREVIEW: usize = 100;

/// The result of an import or a preview.
#[derive(Default)]
pub(crate) struct ImportOutcome {
    pub(crate) added: usize,
    pub(crate) changed: usize,
    pub(crate) unchanged: usize,
    /// The first changes.
    pub(crate) shown: Vec<PreviewChange>,
    pub(crate) errors: Vec<RowError>,
    /// The columns that would escalate permissions; empty for a whole row.
    pub(crate) exceeds: BTreeSet<String>,
    /// A digest of all changes.
    pub(crate) digest: String,
}

/// A change in the preview.
#[derive(Serialize)]
pub(crate) struct PreviewChange {
    row: usize,
    title: String,
    is_new: bool,
    changes: Vec<FieldChange>,
}

/// An import by a user.
pub(crate) struct Importer<'a> {
    pub(crate) actor: Editor<'a>,
    pub(crate) model: &'static Resource,
    /// Whether to log the changes; a preview doesn't.
    pub(crate) records: bool,
}

impl Importer<'_> {
    /// Saves every row. Requires a transaction, to be rolled back for a preview or if there are errors: all of them are
    /// returned.
    pub(crate) fn run(
        &self,
        conn: &mut DbConnection,
        sheet: &CsvTable,
    ) -> Result<ImportOutcome, DatabaseError> {
        lock_all(conn, &self.model.key())?;
        let mut outcome = ImportOutcome::default();
        let mut seen = BTreeMap::new();
        let mut hasher = Sha256::new();
        let mut planned = Vec::new();
        for lines in sheet.rows.chunks(CHUNK) {
            planned.extend(self.planned(conn, sheet, lines, &mut seen, &mut outcome)?);
        }
        for planned in planned.chunks(CHUNK) {
            let saved = self.save(conn, planned, &mut outcome)?;
            self.record(conn, planned, &saved, &mut outcome, &mut hasher)?;
        }
        outcome.shown.sort_by_key(|shown| shown.row);
        outcome.digest = hex::encode(hasher.finalize());
        Ok(outcome)
    }

    /// Saves a batch of rows at once. Only if that fails, it saves them one by one to find the invalid ones.
    fn save(
        &self,
        conn: &mut DbConnection,
        planned: &[PlannedRow],
        outcome: &mut ImportOutcome,
    ) -> Result<Vec<(i64, usize)>, DatabaseError> {
        let one = |conn: &mut DbConnection, row: &PlannedRow| {
            let id = row.stored.as_ref().map(|record| record.id);
            (self.model.save)(conn, id, &row.values)
        };
        let all = diesel::Connection::transaction(conn, |conn| {
            let ids = planned.iter().map(|task| one(conn, task));
            ids.collect::<Result<Vec<_>, SaveError>>()
        });
        match all {
            Ok(ids) => return Ok(ids.into_iter().zip(0..).collect()),
            Err(SaveError::Database(error)) => return Err(error),
            Err(_) => {}
        }
        let mut saved = Vec::new();
        for (place, task) in planned.iter().enumerate() {
            match diesel::Connection::transaction(conn, |conn| one(conn, task)) {
                Ok(id) => saved.push((id, place)),
                Err(SaveError::Database(error)) => return Err(error),
                Err(SaveError::Missing) => {
                    let text = format!("This {} no longer exists.", self.model.singular);
                    let broken = vec![("id".to_owned(), text)];
                    outcome.errors.extend(row_errors(task.number, broken));
                }
                Err(SaveError::Invalid(errors)) => {
                    let broken = errors.iter().map(|e| (e.field.to_owned(), e.to_string()));
                    outcome
                        .errors
                        .extend(row_errors(task.number, broken.collect()));
                }
            }
        }
        Ok(saved)
    }

    /// Logs the changes, and keeps the first ones for the preview.
    fn record(
        &self,
        conn: &mut DbConnection,
        planned: &[PlannedRow],
        saved: &[(i64, usize)],
        outcome: &mut ImportOutcome,
        hasher: &mut Sha256,
    ) -> Result<(), DatabaseError> {
        let ids: Vec<i64> = saved.iter().map(|(id, _)| *id).collect();
        let mut after: BTreeMap<i64, Record> = (self.model.load_all)(conn, &ids)?
            .into_iter()
            .map(|object| (object.id, object))
            .collect();
        let mut changed = Vec::new();
        for (id, place) in saved {
            let (task, object) = (&planned[*place], after.remove(id));
            let object = object.ok_or(DatabaseError::NotFound)?;
            match &task.stored {
                Some(stored) if stored.values == object.values => outcome.unchanged += 1,
                _ => changed.push((task, object)),
            }
        }
        let stored: Vec<&Record> = changed
            .iter()
            .filter_map(|(task, _)| task.stored.as_ref())
            .collect();
        let mut before = Snapshot::for_records(conn, self.model, &stored)?.into_iter();
        let objects: Vec<&Record> = changed.iter().map(|(_, object)| object).collect();
        let after = Snapshot::for_records(conn, self.model, &objects)?;
        let mut lines = Vec::new();
        for ((task, object), after) in changed.iter().zip(after) {
            let is_new = task.stored.is_none();
            let before = if is_new { None } else { before.next() };
            // The values as submitted: stored ones may contain the current time.
            let held = task
                .stored
                .as_ref()
                .map(|object| (object.id, &object.values));
            hasher.update(format!("{held:?}{:?};", task.values));
            if is_new {
                outcome.added += 1;
            } else {
                outcome.changed += 1;
            }
            if outcome.shown.len() < MAX_PREVIEW {
                let nothing = Snapshot::default();
                outcome.shown.push(PreviewChange {
                    row: task.number,
                    title: object.title.clone(),
                    is_new,
                    changes: Snapshot::changes(
                        before.as_ref().unwrap_or(&nothing),
                        &after,
                        self.model,
                    ),
                });
            }
            if self.records {
                let action = if is_new { "added" } else { "changed" };
                lines.push(LogEntry::new(object, action, before.as_ref(), &after));
            }
        }
        log_changes(conn, self.actor, self.model, &lines)
    }
}
