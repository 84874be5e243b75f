//! The rows of a file as changes to save, or their errors.

use std::collections::BTreeMap;

use accounts::Verb;
use diesel::result::Error as DatabaseError;
use oc_core::DbConnection;
use oc_core::admin::{FormValues, Record};

use super::csv_table::{CsvRow, CsvTable, RowError};
use super::importer::{ImportOutcome, Importer};
use crate::registry::Editor;

/// A row to save.
pub(crate) struct PlannedRow {
    pub(crate) number: usize,
    pub(crate) stored: Option<Record>,
    pub(crate) values: FormValues,
}

impl Importer<'_> {
    /// The rows of a batch that change something; the others add to the outcome.
    pub(crate) fn planned(
        &self,
        conn: &mut DbConnection,
        sheet: &CsvTable,
        lines: &[CsvRow],
        seen: &mut BTreeMap<i64, usize>,
        outcome: &mut ImportOutcome,
    ) -> Result<Vec<PlannedRow>, DatabaseError> {
        let mut rows = Vec::new();
        for line in lines {
            match sheet.id(line) {
                Ok(id) => rows.push((line, id)),
                Err(error) => outcome.errors.push(error),
            }
        }
        let ids: Vec<i64> = rows.iter().filter_map(|(_, id)| *id).collect();
        let stored = (self.model.load_all)(conn, &ids)?;
        let mut stored: BTreeMap<i64, Record> = stored
            .into_iter()
            .map(|object| (object.id, object))
            .collect();
        let mut planned = Vec::new();
        for (line, id) in rows {
            let about_id = |text: String| RowError {
                row: Some(line.number),
                column: "id".to_owned(),
                text,
            };
            let object = match id {
                None => None,
                Some(id) => {
                    if let Some(row) = seen.insert(id, line.number) {
                        let text = format!("Row {row} already has this ID.");
                        outcome.errors.push(about_id(text));
                        continue;
                    }
                    let Some(object) = stored.remove(&id) else {
                        let text = format!("There is no {} with ID \"{id}\".", self.model.singular);
                        outcome.errors.push(about_id(text));
                        continue;
                    };
                    Some(object)
                }
            };
            let nothing = FormValues::default();
            let held = object.as_ref().map_or(&nothing, |object| &object.values);
            match sheet.values(line, held) {
                Ok(values) if object.is_some() && values == *held => outcome.unchanged += 1,
                Ok(values) => match self.refusal(conn, object.as_ref(), &values)? {
                    None => planned.push(PlannedRow {
                        number: line.number,
                        stored: object,
                        values,
                    }),
                    Some(broken) => {
                        let columns = broken.iter().map(|(column, _)| column.clone());
                        outcome.exceeds.extend(columns);
                        outcome.errors.extend(row_errors(line.number, broken));
                    }
                },
                Err(errors) => outcome.errors.extend(errors),
            }
        }
        Ok(planned)
    }

    /// The errors of a row that the permissions don't suffice for.
    fn refusal(
        &self,
        conn: &mut DbConnection,
        stored: Option<&Record>,
        values: &FormValues,
    ) -> Result<Option<Vec<(String, String)>>, DatabaseError> {
        let model = self.model;
        let Editor {
            registry,
            permissions,
            ..
        } = self.actor;
        let may = match stored {
            None => registry.may_add(permissions, model),
            Some(_) => permissions.may(Verb::Change, model.app, model.name),
        };
        if !may {
            let verb = if stored.is_some() { "change" } else { "add" };
            let text = format!(
                "You do not have permission to {verb} this {}.",
                model.singular
            );
            return Ok(Some(vec![(String::new(), text)]));
        }
        let errors = registry.escalations(conn, permissions, model, stored, values)?;
        let row_errors = errors.iter().map(|e| (e.field.to_owned(), e.to_string()));
        Ok((!errors.is_empty()).then(|| row_errors.collect()))
    }
}

/// The errors of a row by column.
pub(crate) fn row_errors(
    row: usize,
    broken: Vec<(String, String)>,
) -> impl Iterator<Item = RowError> {
    broken.into_iter().map(move |(column, text)| RowError {
        row: Some(row),
        column,
        text,
    })
}
