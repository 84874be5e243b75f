//! Taking in a file of rows: each is saved as a form would save it, all of them or none.

use std::collections::BTreeMap;

use diesel::result::Error as DatabaseError;
use oc_core::accounts::{Rights, Verb};
use oc_core::admin::{Model, Object, SaveError, Values};
use oc_core::changes::Act;
use oc_core::locks::lock_all;
use oc_core::{DbConnection, User};
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::grants::{covers, excess};
use super::models;
use super::record::{FieldChange, Snapshot};
use super::save::{self, Entry};
use super::sheet::{Line, Mistake, Sheet};

/// Rows that are saved and looked up together.
const CHUNK: usize = 200;

/// Changes that are shown before they are made.
const SHOWN: usize = 100;

/// What a file does, or would do.
#[derive(Default)]
pub(super) struct Outcome {
    pub(super) added: usize,
    pub(super) changed: usize,
    pub(super) unchanged: usize,
    /// The first of the changes.
    pub(super) shown: Vec<Shown>,
    pub(super) mistakes: Vec<Mistake>,
    /// Changes with any change of any row.
    pub(super) digest: String,
}

/// One change that a file makes.
#[derive(Serialize)]
pub(super) struct Shown {
    row: usize,
    title: String,
    is_new: bool,
    changes: Vec<FieldChange>,
}

/// Who takes a file in.
pub(super) struct Importer<'a> {
    pub(super) actor: &'a User,
    pub(super) rights: &'a Rights,
    pub(super) model: &'static Model,
    /// Whether what is done is recorded; not where it is undone again.
    pub(super) records: bool,
}

/// A row that is to be saved.
struct Task {
    number: usize,
    stored: Option<Object>,
    values: Values,
}

impl Importer<'_> {
    /// Saves every row and records it. Call it within a write, and undo that for a look at what would be done, or when
    /// there are mistakes: all of them are told.
    pub(super) fn run(
        &self,
        conn: &mut DbConnection,
        sheet: &Sheet,
    ) -> Result<Outcome, DatabaseError> {
        lock_all(conn, &self.model.key())?;
        let mut outcome = Outcome::default();
        let mut seen = BTreeMap::new();
        let mut hasher = Sha256::new();
        for lines in sheet.lines.chunks(CHUNK) {
            let tasks = self.tasks(conn, sheet, lines, &mut seen, &mut outcome)?;
            let saved = self.save(conn, &tasks, &mut outcome)?;
            self.record(conn, &tasks, &saved, &mut outcome, &mut hasher)?;
        }
        outcome.digest = hex::encode(hasher.finalize());
        Ok(outcome)
    }

    /// The rows of a chunk that change something; for the others says why not.
    fn tasks(
        &self,
        conn: &mut DbConnection,
        sheet: &Sheet,
        lines: &[Line],
        seen: &mut BTreeMap<i64, usize>,
        outcome: &mut Outcome,
    ) -> Result<Vec<Task>, DatabaseError> {
        let mut rows = Vec::new();
        for line in lines {
            match sheet.id(line) {
                Ok(id) => rows.push((line, id)),
                Err(mistake) => outcome.mistakes.push(mistake),
            }
        }
        let ids: Vec<i64> = rows.iter().filter_map(|(_, id)| *id).collect();
        let stored = (self.model.load_all)(conn, &ids)?;
        let mut stored: BTreeMap<i64, Object> = stored
            .into_iter()
            .map(|object| (object.id, object))
            .collect();
        let mut tasks = Vec::new();
        for (line, id) in rows {
            let about_id = |text: String| Mistake {
                row: Some(line.number),
                column: "id".to_owned(),
                text,
            };
            let object = match id {
                None => None,
                Some(id) => {
                    if let Some(row) = seen.insert(id, line.number) {
                        let text = format!("Row {row} has this id already.");
                        outcome.mistakes.push(about_id(text));
                        continue;
                    }
                    let Some(object) = stored.remove(&id) else {
                        let text = format!("There is no {} with ID \"{id}\".", self.model.singular);
                        outcome.mistakes.push(about_id(text));
                        continue;
                    };
                    Some(object)
                }
            };
            let nothing = Values::default();
            let held = object.as_ref().map_or(&nothing, |object| &object.values);
            match sheet.values(line, held) {
                Ok(values) if object.is_some() && values == *held => outcome.unchanged += 1,
                Ok(values) => match self.refusal(conn, object.as_ref(), &values)? {
                    None => tasks.push(Task {
                        number: line.number,
                        stored: object,
                        values,
                    }),
                    Some(broken) => outcome.mistakes.extend(told(line.number, broken)),
                },
                Err(mistakes) => outcome.mistakes.extend(mistakes),
            }
        }
        Ok(tasks)
    }

    /// Why these rights do not suffice for a row, if they do not.
    fn refusal(
        &self,
        conn: &mut DbConnection,
        stored: Option<&Object>,
        values: &Values,
    ) -> Result<Option<Vec<(String, String)>>, DatabaseError> {
        let model = self.model;
        let may = match stored {
            None => models::may_add(self.rights, model),
            Some(object) => {
                self.rights.may(Verb::Change, model.app, model.name)
                    && covers(conn, self.rights, model, object.id)?
            }
        };
        if !may {
            let verb = if stored.is_some() { "change" } else { "add" };
            let text = format!("You have no right to {verb} this {}.", model.singular);
            return Ok(Some(vec![(String::new(), text)]));
        }
        let nothing = Values::default();
        let held = stored.map_or(&nothing, |object| &object.values);
        let errors = excess(conn, self.rights, model, held, values)?;
        let told = errors.iter().map(|e| (e.field.to_owned(), e.to_string()));
        Ok((!errors.is_empty()).then(|| told.collect()))
    }

    /// Saves the rows of a chunk: at one go, and only where that is refused one by one, to tell which.
    fn save(
        &self,
        conn: &mut DbConnection,
        tasks: &[Task],
        outcome: &mut Outcome,
    ) -> Result<Vec<(i64, usize)>, DatabaseError> {
        let one = |conn: &mut DbConnection, task: &Task| {
            let id = task.stored.as_ref().map(|object| object.id);
            (self.model.save)(conn, id, &task.values)
        };
        let all = diesel::Connection::transaction(conn, |conn| {
            let ids = tasks.iter().map(|task| one(conn, task));
            ids.collect::<Result<Vec<_>, SaveError>>()
        });
        match all {
            Ok(ids) => return Ok(ids.into_iter().zip(0..).collect()),
            Err(SaveError::Database(error)) => return Err(error),
            Err(_) => {}
        }
        let mut saved = Vec::new();
        for (place, task) in tasks.iter().enumerate() {
            match diesel::Connection::transaction(conn, |conn| one(conn, task)) {
                Ok(id) => saved.push((id, place)),
                Err(SaveError::Database(error)) => return Err(error),
                Err(SaveError::Missing) => {
                    let text = format!("This {} is gone.", self.model.singular);
                    let broken = vec![("id".to_owned(), text)];
                    outcome.mistakes.extend(told(task.number, broken));
                }
                Err(SaveError::Invalid(errors)) => {
                    let broken = errors.iter().map(|e| (e.field.to_owned(), e.to_string()));
                    outcome.mistakes.extend(told(task.number, broken.collect()));
                }
            }
        }
        Ok(saved)
    }

    /// Records what really changed, and keeps the first changes to be shown.
    fn record(
        &self,
        conn: &mut DbConnection,
        tasks: &[Task],
        saved: &[(i64, usize)],
        outcome: &mut Outcome,
        hasher: &mut Sha256,
    ) -> Result<(), DatabaseError> {
        let ids: Vec<i64> = saved.iter().map(|(id, _)| *id).collect();
        let mut after: BTreeMap<i64, Object> = (self.model.load_all)(conn, &ids)?
            .into_iter()
            .map(|object| (object.id, object))
            .collect();
        let mut changed = Vec::new();
        for (id, place) in saved {
            let (task, object) = (&tasks[*place], after.remove(id));
            let object = object.ok_or(DatabaseError::NotFound)?;
            match &task.stored {
                Some(stored) if stored.values == object.values => outcome.unchanged += 1,
                _ => changed.push((task, object)),
            }
        }
        let stored: Vec<&Object> = changed
            .iter()
            .filter_map(|(task, _)| task.stored.as_ref())
            .collect();
        let mut before = Snapshot::of_all(conn, self.model, &stored)?.into_iter();
        let objects: Vec<&Object> = changed.iter().map(|(_, object)| object).collect();
        let after = Snapshot::of_all(conn, self.model, &objects)?;
        for ((task, object), after) in changed.iter().zip(after) {
            let is_new = task.stored.is_none();
            let before = if is_new { None } else { before.next() };
            // What was typed, not what it became: the time at which a row is made is part of that.
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
            if outcome.shown.len() < SHOWN {
                let nothing = Snapshot::default();
                outcome.shown.push(Shown {
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
                let entry = Entry {
                    act: &mut Act::of(1),
                    cause: None,
                };
                let states = (before.as_ref(), &after);
                save::note(conn, self.actor, self.model, object, action, states, entry)?;
            }
        }
        Ok(())
    }
}

fn told(row: usize, broken: Vec<(String, String)>) -> impl Iterator<Item = Mistake> {
    broken.into_iter().map(move |(column, text)| Mistake {
        row: Some(row),
        column,
        text,
    })
}
