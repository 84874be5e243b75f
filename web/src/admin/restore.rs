//! Going back to an earlier state of a row, and bringing back what was deleted: with its id, with all that it took
//! along, and all or nothing. What lost something by it gets that back, as far as it is there.

use std::collections::BTreeSet;

use actix_web::HttpResponse;
use diesel::connection::Connection;
use oc_core::accounts::{Rights, Verb};
use oc_core::acts::Act;
use oc_core::admin::{Model, SaveError};
use oc_core::changes::Change;
use oc_core::locks::lock;
use oc_core::{DbConnection, User};

use super::models::{self, capitalized};
use super::record::Snapshot;
use super::refusals::{RefusedGrant, refused_grants};
use super::restored::{Restored, Row};
use super::save;

/// A state of a row that the record keeps.
pub(super) struct State {
    pub(super) line: Change,
    /// Before what the line tells of, not after.
    pub(super) is_before: bool,
}

impl State {
    /// The state before a delete, and after everything else.
    pub(super) fn of(line: Change) -> Self {
        Self {
            is_before: line.action == "deleted",
            line,
        }
    }

    /// What the row held; `None` where the record does not say.
    pub(super) fn text(&self) -> Option<&str> {
        let state = if self.is_before {
            &self.line.before
        } else {
            &self.line.after
        };
        (!state.is_empty()).then_some(state.as_str())
    }
}

/// Why nothing was restored.
pub(super) enum Unrestored {
    /// The rights do not suffice, or the line tells of nothing that could be restored.
    Forbidden,
    /// Rows would break rules today.
    Broken(Broken),
    Database(diesel::result::Error),
}

/// The rules that rows would break.
#[derive(Default)]
pub(super) struct Broken {
    /// A sentence for each row.
    rows: Vec<String>,
    /// The fields by which more would come back than the rights allow.
    exceeds: BTreeSet<&'static str>,
}

impl Broken {
    /// Why nothing came back.
    pub(super) fn words(&self) -> String {
        let rows = self.rows.join(" ");
        format!("Nothing was restored: that breaks a rule today. {rows}")
    }

    /// Leaves word with the answer of what is beyond the rights, so that the record tells of it.
    pub(super) fn leave_refusal(&self, response: &mut HttpResponse) {
        RefusedGrant::leave(response, self.exceeds.iter().copied());
    }
}

impl From<diesel::result::Error> for Unrestored {
    fn from(error: diesel::result::Error) -> Self {
        Self::Database(error)
    }
}

/// Goes back to a state. Of a row that was deleted, all that it took along comes back too. Call it within a write.
pub(super) fn of_state(
    conn: &mut DbConnection,
    actor: &User,
    rights: &Rights,
    state: State,
) -> Result<Restored, Unrestored> {
    let along = match state.line.action.as_str() {
        "deleted" => Change::along(conn, state.line.id)?,
        _ => Vec::new(),
    };
    all(conn, actor, rights, vec![(state, along)])
}

/// Brings back every row that was deleted at one go and is not there. Call it within a write.
pub(super) fn of_act(
    conn: &mut DbConnection,
    actor: &User,
    rights: &Rights,
    lines: Vec<Change>,
) -> Result<Restored, Unrestored> {
    if !is_delete(&lines) {
        return Err(Unrestored::Forbidden);
    }
    let (along, roots): (Vec<_>, Vec<_>) = lines.into_iter().partition(|line| line.cause.is_some());
    let mut gone = Vec::new();
    for line in roots {
        let own = along.iter().filter(|other| other.cause == Some(line.id));
        let own: Vec<Change> = own.cloned().collect();
        gone.push((line, own));
    }
    let mut missing = Vec::new();
    for (line, own) in gone {
        if !is_there(conn, &line)? {
            missing.push((State::of(line), own));
        }
    }
    all(conn, actor, rights, missing)
}

/// Whether an act deleted rows, and did nothing but what came of that.
pub(super) fn is_delete(lines: &[Change]) -> bool {
    lines
        .iter()
        .all(|line| line.action == "deleted" || line.cause.is_some())
}

/// Rows with what each of them took along, or changed by going.
fn all(
    conn: &mut DbConnection,
    actor: &User,
    rights: &Rights,
    rows: Vec<(State, Vec<Change>)>,
) -> Result<Restored, Unrestored> {
    let count = rows.iter().map(|(_, along)| 1 + along.len()).sum();
    let mut restorer = Restorer {
        actor,
        rights,
        act: Act::of(count),
        restored: Restored::default(),
        broken: Broken::default(),
    };
    for (state, along) in rows {
        // Without the row that took them along, the others break rules that tell nothing more.
        let Some(cause) = restorer.row(conn, &state, None)? else {
            continue;
        };
        for line in along {
            if line.action != "deleted" {
                restorer.give_back(conn, &line, cause)?;
            } else if !is_there(conn, &line)? {
                restorer.row(conn, &State::of(line), Some(cause))?;
            }
        }
    }
    if restorer.broken.rows.is_empty() {
        Ok(restorer.restored)
    } else {
        Err(Unrestored::Broken(restorer.broken))
    }
}

/// Restores rows, one after the other, in one act.
pub(super) struct Restorer<'a> {
    pub(super) actor: &'a User,
    pub(super) rights: &'a Rights,
    pub(super) act: Act,
    pub(super) restored: Restored,
    broken: Broken,
}

impl Restorer<'_> {
    /// Restores one row, and says by which line the record tells of it; `None` where that breaks a rule.
    fn row(
        &mut self,
        conn: &mut DbConnection,
        state: &State,
        cause: Option<i64>,
    ) -> Result<Option<i64>, Unrestored> {
        let line = &state.line;
        let (model, id) = row(line).ok_or(Unrestored::Forbidden)?;
        let state = state.text().ok_or(Unrestored::Forbidden)?;
        lock(conn, &model.key(), id)?;
        let current = (model.load)(conn, id)?;
        if !may(self.rights, model, current.is_some()) {
            return Err(Unrestored::Forbidden);
        }
        let values = Snapshot::from_text(state).values();
        // In a transaction of its own, so that the next row can be tried when this one breaks a rule.
        let outcome = conn.transaction(|conn| {
            let entry = save::Entry {
                act: &mut self.act,
                cause,
            };
            let of = (id, current.as_ref());
            save::restored(conn, self.actor, self.rights, model, of, &values, entry)
        });
        match outcome {
            Ok((object, line)) => {
                let title = object.title;
                self.restored.rows.push(Row { model, title });
                Ok(Some(line))
            }
            Err(SaveError::Database(error)) => Err(error.into()),
            Err(error) => {
                if let SaveError::Invalid(errors) = &error {
                    self.broken.exceeds.extend(refused_grants(model, errors));
                }
                let name = capitalized(model.singular);
                self.broken
                    .rows
                    .push(format!("{name} \"{}\": {error}", line.title));
                Ok(None)
            }
        }
    }
}

/// The row that a line tells of, if its kind is known here.
pub(super) fn row(line: &Change) -> Option<(&'static Model, i64)> {
    models::by_key(&line.model).zip(line.object_id)
}

fn is_there(conn: &mut DbConnection, line: &Change) -> Result<bool, diesel::result::Error> {
    match row(line) {
        Some((model, id)) => Ok((model.load)(conn, id)?.is_some()),
        None => Ok(false),
    }
}

/// To go back to a state is to change a row; to bring one back is to add it.
pub(super) fn may(rights: &Rights, model: &Model, is_there: bool) -> bool {
    if is_there {
        rights.may(Verb::Change, model.app, model.name)
    } else {
        models::may_add(rights, model)
    }
}

/// Whether these rights suffice to bring back the rows of these lines that were deleted.
pub(super) fn may_add_all<'a>(
    rights: &Rights,
    lines: impl IntoIterator<Item = &'a Change>,
) -> bool {
    lines
        .into_iter()
        .filter(|line| line.action == "deleted")
        .all(|line| row(line).is_some_and(|(model, _)| models::may_add(rights, model)))
}
