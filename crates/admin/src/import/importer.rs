//! Importing rows: each is saved like a form, all of them or none.

use std::collections::{BTreeMap, BTreeSet};

use accounts::Verb;
use audit::ChangeSet;
use diesel::result::Error as DatabaseError;
use diesel::{Connection, QueryResult};
use oc_core::DbConnection;
use oc_core::admin::{FormValues, Inline, Record, Resource, SaveError};
use oc_core::locks::lock_all;
use oc_core::validation::{FieldError, Violation};
use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::audit_log::log_entry::{LogEntry, log_changes};
use crate::audit_log::snapshot::{FieldChange, Snapshot};
use crate::columns::{CHUNK, columns, load_columns};
use crate::editor::Editor;
use crate::form::definition::FormDefinition;
use crate::form::save::save_inlines_and;
use crate::import::csv_table::{CsvTable, RowError};
use crate::import::spreadsheet::SpreadsheetRow;

/// The most additions and the most changes that a preview shows.
const MAX_PREVIEW: usize = 50;

#[derive(Default, Serialize)]
pub(crate) struct ImportOutcome {
    /// The detected format of the file.
    pub(crate) format: String,
    /// Sentences about the columns that are not imported.
    pub(crate) notes: Vec<String>,
    /// The labels of the columns that are.
    pub(crate) headings: Vec<&'static str>,
    pub(crate) added: usize,
    pub(crate) changed: usize,
    pub(crate) unchanged: usize,
    /// The first rows that are added.
    pub(crate) additions: Vec<PreviewAddition>,
    /// The first rows that change stored objects.
    pub(crate) changes: Vec<PreviewChange>,
    pub(crate) errors: Vec<RowError>,
    /// The columns that would escalate permissions; empty for a whole row.
    #[serde(skip)]
    pub(crate) denied_columns: BTreeSet<&'static str>,
    /// A digest of all changes, and their author.
    pub(crate) digest: String,
}

#[derive(Serialize)]
pub(crate) struct PreviewAddition {
    row: usize,
    /// The texts of the columns in the file.
    cells: Vec<String>,
}

#[derive(Serialize)]
pub(crate) struct PreviewChange {
    row: usize,
    title: String,
    changes: Vec<FieldChange>,
}

/// A row to save, with the values of all columns.
struct PlannedRow {
    number: usize,
    stored: Option<Record>,
    values: FormValues,
}

pub(crate) struct Importer {
    pub(crate) editor: Editor,
    pub(crate) model: &'static Resource,
}

impl Importer {
    /// Saves every row. Requires a transaction, to be rolled back for a preview or if there are errors: all of them are
    /// returned.
    pub(crate) fn run(
        &self,
        conn: &mut DbConnection,
        table: &CsvTable,
    ) -> QueryResult<ImportOutcome> {
        lock_all(conn, &self.model.key())?;
        for inline in self.model.inlines {
            lock_all(conn, &inline.resource.key())?;
        }
        let mut outcome = ImportOutcome {
            format: table.format.clone(),
            notes: table.notes(),
            headings: table.fields().map(|(_, label)| label).collect(),
            ..ImportOutcome::default()
        };
        let mut seen = BTreeMap::new();
        // A preview that somebody else has seen doesn't count.
        let author = self.editor.user.id;
        let mut hasher = Sha256::new_with_prefix(format!("{author} {};", self.model.key()));
        let mut planned = Vec::new();
        for rows in table.rows.chunks(CHUNK) {
            planned.extend(self.plan(conn, table, rows, &mut seen, &mut outcome)?);
        }
        for planned in planned.chunks(CHUNK) {
            let saved = self.save(conn, planned, &mut outcome)?;
            self.log(conn, table, &saved, &mut outcome, &mut hasher)?;
        }
        outcome.errors.sort_by_key(|error| error.row);
        outcome.digest = hex::encode(hasher.finalize());
        Ok(outcome)
    }

    /// The rows of a batch that change something; the others add to the outcome.
    fn plan(
        &self,
        conn: &mut DbConnection,
        table: &CsvTable,
        rows: &[SpreadsheetRow],
        seen: &mut BTreeMap<i64, usize>,
        outcome: &mut ImportOutcome,
    ) -> QueryResult<Vec<PlannedRow>> {
        let mut rows_with_ids = Vec::new();
        for row in rows {
            match table.id(row) {
                Ok(id) => rows_with_ids.push((row, id)),
                Err(error) => outcome.errors.push(error),
            }
        }
        let ids: Vec<i64> = rows_with_ids.iter().filter_map(|(_, id)| *id).collect();
        let mut records = load_columns(conn, self.model, &ids)?;
        let mut planned = Vec::new();
        for (row, id) in rows_with_ids {
            let number = row.number;
            let duplicate = id.and_then(|id| seen.insert(id, number));
            let stored = id.and_then(|id| records.remove(&id));
            if let Some(id) = id
                && (duplicate.is_some() || stored.is_none())
            {
                let text = match duplicate {
                    Some(row) => format!("Row {row} already has this ID."),
                    None => format!("There is no {} with ID “{id}”.", self.model.singular),
                };
                outcome.errors.push(RowError::new(number, "id", text));
                continue;
            }
            let current = stored.as_ref().map(|record| &record.values);
            let (zone, fields) = (self.editor.registry.time_zone, self.model.fields);
            let shown = current.map(|current| zone.local_values(fields, current));
            let values = table.values(row, shown.as_ref()).and_then(|values| {
                let values = zone.stored_values(fields, &values, current);
                values.map_err(|errors| self.row_errors(number, &errors, &FormValues::default()))
            });
            let values = match values {
                Ok(values) => values,
                Err(errors) => {
                    outcome.errors.extend(errors);
                    continue;
                }
            };
            if current == Some(&values) {
                outcome.unchanged += 1;
                continue;
            }
            let denied = self.denied(conn, stored.as_ref(), &values)?;
            if denied.is_empty() {
                planned.push(PlannedRow {
                    number,
                    stored,
                    values,
                });
            }
            for (column, text) in denied {
                outcome.errors.push(RowError::new(number, column, text));
                outcome.denied_columns.insert(column);
            }
        }
        Ok(planned)
    }

    /// The errors of a row that the permissions don't suffice for, by column.
    fn denied(
        &self,
        conn: &mut DbConnection,
        stored: Option<&Record>,
        values: &FormValues,
    ) -> QueryResult<Vec<(&'static str, String)>> {
        let (model, editor) = (self.model, &self.editor);
        let denied = |resource: &Resource, is_new: bool| {
            let (may_save, verb) = if is_new {
                (editor.may_add(resource), "add")
            } else {
                (editor.may(Verb::Change, resource), "change")
            };
            let name = resource.singular;
            let text = format!("You do not have permission to {verb} this {name}.");
            (!may_save).then_some(("", text))
        };
        let mut errors: Vec<_> = denied(model, stored.is_none()).into_iter().collect();
        for inline in model.inlines {
            let known = unchanged_related_id(conn, inline, stored, values)?;
            if known.is_none() && inline.values(values).is_some() {
                errors.extend(denied(inline.resource, !is_own(inline, stored, values)));
            }
        }
        if !errors.is_empty() {
            return Ok(errors);
        }
        let errors = editor.escalations(conn, model, stored, values)?;
        let errors = errors.iter().map(|error| (error.field, error.to_string()));
        Ok(errors.collect())
    }

    /// Saves a batch of rows at once: a savepoint per row makes PostgreSQL six times slower. Only if that fails, it saves
    /// them one by one to find the invalid ones. Returns the saved rows with their ids.
    fn save<'p>(
        &self,
        conn: &mut DbConnection,
        planned: &'p [PlannedRow],
        outcome: &mut ImportOutcome,
    ) -> QueryResult<Vec<(i64, &'p PlannedRow)>> {
        let save = |conn: &mut DbConnection, row: &PlannedRow| {
            let stored = row.stored.as_ref();
            let id = stored.map(|record| record.id);
            let form = FormDefinition::new(self.editor.clone(), self.model, id);
            let mut values = row.values.clone();
            for inline in self.model.inlines {
                if let Some(known) = unchanged_related_id(conn, inline, stored, &values)? {
                    values = inline.without_fields(values).with(inline.field, known);
                }
            }
            save_inlines_and(conn, &form, stored, &values, |conn, own| {
                (self.model.save)(conn, id, own)
            })
        };
        let all = conn.transaction(|conn| {
            let ids = planned.iter().map(|row| save(conn, row));
            ids.collect::<Result<Vec<_>, SaveError>>()
        });
        match all {
            Ok(ids) => return Ok(ids.into_iter().zip(planned).collect()),
            Err(SaveError::Database(error)) => return Err(error),
            Err(_) => {}
        }
        let mut saved = Vec::new();
        for row in planned {
            match conn.transaction(|conn| save(conn, row)) {
                Ok(id) => saved.push((id, row)),
                Err(SaveError::Database(error)) => return Err(error),
                Err(SaveError::Missing) => {
                    let text = format!("This {} no longer exists.", self.model.singular);
                    outcome.errors.push(RowError::new(row.number, "id", text));
                }
                Err(SaveError::Invalid(errors)) => {
                    let errors = self.row_errors(row.number, &errors, &row.values);
                    outcome.errors.extend(errors);
                }
            }
        }
        Ok(saved)
    }

    /// Logs the changes, and keeps the first ones for the preview.
    fn log(
        &self,
        conn: &mut DbConnection,
        table: &CsvTable,
        saved: &[(i64, &PlannedRow)],
        outcome: &mut ImportOutcome,
        hasher: &mut Sha256,
    ) -> QueryResult<()> {
        let ids: Vec<i64> = saved.iter().map(|(id, _)| *id).collect();
        let mut records = load_columns(conn, self.model, &ids)?;
        let mut changed = Vec::new();
        for (id, row) in saved {
            let record = records.remove(id).ok_or(DatabaseError::NotFound)?;
            match &row.stored {
                Some(stored) if stored.values == record.values => outcome.unchanged += 1,
                _ => changed.push((row, record)),
            }
        }
        let before = changed.iter().filter_map(|(row, _)| row.stored.as_ref());
        let before: Vec<&Record> = before.collect();
        let (registry, columns) = (self.editor.registry, columns(self.model));
        let mut before = Snapshot::for_fields(conn, registry, &columns, &before)?.into_iter();
        let after: Vec<&Record> = changed.iter().map(|(_, record)| record).collect();
        let after = Snapshot::for_fields(conn, registry, &columns, &after)?;
        let mut entries = Vec::new();
        for ((row, record), after) in changed.iter().zip(after) {
            let before = row.stored.as_ref().and_then(|_| before.next());
            // The values as submitted: stored ones may contain the current time.
            let stored = row.stored.as_ref().map(|it| (it.id, &it.values));
            hasher.update(format!("{stored:?}{:?};", row.values));
            let row = row.number;
            let action = if let Some(before) = &before {
                outcome.changed += 1;
                if outcome.changes.len() < MAX_PREVIEW {
                    outcome.changes.push(PreviewChange {
                        row,
                        title: record.title.clone(),
                        changes: Snapshot::changes(before, &after, &columns, registry.time_zone),
                    });
                }
                "changed"
            } else {
                outcome.added += 1;
                if outcome.additions.len() < MAX_PREVIEW {
                    let cells = table.fields().map(|(name, _)| after.shown(name).to_owned());
                    let cells = cells.collect();
                    outcome.additions.push(PreviewAddition { row, cells });
                }
                "added"
            };
            // Changes of related rows are logged with those.
            let (before, after) = (before.map(|it| it.own(self.model)), after.own(self.model));
            if before.as_ref() != Some(&after) {
                entries.push(LogEntry {
                    record,
                    action,
                    before,
                    after: Some(after),
                    parent_id: None,
                });
            }
        }
        let mut change_set = ChangeSet::none();
        log_changes(conn, &self.editor, self.model, &mut change_set, &entries).map(drop)
    }

    /// Errors under the names of the columns, with the choices of an invalid one, and with a hint if a related row is taken
    /// that these values describe.
    fn row_errors(
        &self,
        number: usize,
        errors: &[FieldError],
        values: &FormValues,
    ) -> Vec<RowError> {
        let columns = columns(self.model);
        let error = |error: &FieldError| {
            let column = columns.iter().find(|column| column.name == error.field);
            let name = column.map_or(error.field, |column| column.field.name);
            let mut inlines = self.model.inlines.iter();
            let inline = inlines.find(|inline| inline.field == error.field);
            let choices = column.map_or(Vec::new(), |column| column.field.kind.fixed_choices());
            let choices = choices.into_iter().map(|choice| choice.value);
            let choices: Vec<_> = choices.filter(|value| !value.is_empty()).collect();
            let text = match (&error.violation, inline) {
                (Violation::Taken(_), Some(inline)) if values.text(error.field).is_empty() => {
                    format!("{error} {}", inline.taken_hint)
                }
                (Violation::Choice { .. }, _) if !choices.is_empty() => {
                    format!("{error} You can use: {}.", choices.join(", "))
                }
                _ => error.to_string(),
            };
            RowError::new(number, name, text)
        };
        errors.iter().map(error).collect()
    }
}

/// Whether a row of the file refers to the same related row as the stored one.
fn is_own(inline: &Inline, stored: Option<&Record>, values: &FormValues) -> bool {
    stored.is_some_and(|stored| stored.values.list(inline.field) == values.list(inline.field))
}

/// The id of an existing related row that this file row uses unchanged, or the invalid id entered for it.
fn unchanged_related_id(
    conn: &mut DbConnection,
    inline: &Inline,
    stored: Option<&Record>,
    values: &FormValues,
) -> QueryResult<Option<String>> {
    let chosen = values.text(inline.field).trim();
    let is_unchanged = |stored: &&Record| {
        let mut names = inline.names.iter();
        names.all(|name| stored.values.list(name) == values.list(name))
    };
    if let Some(stored) = stored.filter(is_unchanged) {
        let own = stored.values.text(inline.field);
        let id = if chosen.is_empty() { own } else { chosen };
        return Ok(Some(id.to_owned()));
    }
    let typed = inline.values(values);
    let Some(typed) = typed.filter(|_| !is_own(inline, stored, values)) else {
        return Ok(None);
    };
    let id = stored.map(|stored| stored.id);
    let found = (inline.find)(conn, id, &typed)?.map(|id| id.to_string());
    Ok(found.filter(|found| chosen.is_empty() || chosen == found))
}
