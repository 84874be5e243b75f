//! Everything that goes when rows are deleted.

use std::collections::BTreeMap;

use diesel::QueryResult;
use oc_core::accounts::{Rights, Verb};
use oc_core::admin::{Along, Model, Object};
use oc_core::changes::{Act, NewChange};
use oc_core::locks::hold;
use oc_core::waiting::allow_long;
use oc_core::{DbConnection, User};
use sha2::{Digest, Sha256};

use super::form::Fields;
use super::grants::covers;
use super::models;
use super::record::Snapshot;
use super::signed_in::SignedIn;
use crate::db::Db;
use crate::error::PageError;

/// A row that goes, and what hangs on it.
pub(super) struct Going {
    pub(super) object: Object,
    along: Vec<(&'static Model, Object)>,
}

/// Everything that goes when rows are deleted: the rows, and what hangs on them.
pub(super) struct Cascade {
    pub(super) model: &'static Model,
    pub(super) rows: Vec<Going>,
    /// Whether an account is among the rows that has more rights than who asks.
    beyond: bool,
}

impl Cascade {
    /// What goes with the rows of these ids; ids of no row are left out.
    pub(super) fn of(
        conn: &mut DbConnection,
        model: &'static Model,
        ids: &[i64],
        rights: &Rights,
    ) -> QueryResult<Self> {
        let mut rows = Vec::new();
        let mut beyond = false;
        for id in ids {
            let Some(object) = (model.load)(conn, *id)? else {
                continue;
            };
            beyond |= !covers(conn, rights, model, *id)?;
            let mut along = Vec::new();
            for row in (model.along)(conn, *id)? {
                let Some(model) = models::find(row.app, row.model) else {
                    continue;
                };
                if let Some(object) = (model.load)(conn, row.id)? {
                    along.push((model, object));
                }
            }
            rows.push(Going { object, along });
        }
        Ok(Self {
            model,
            rows,
            beyond,
        })
    }

    /// Every row with its model.
    fn all(&self) -> impl Iterator<Item = (&'static Model, &Object)> {
        self.rows.iter().flat_map(|row| {
            let along = row.along.iter().map(|(model, object)| (*model, object));
            [(self.model, &row.object)].into_iter().chain(along)
        })
    }

    /// A mark of all that goes, so that nothing goes that nobody was asked about.
    pub(super) fn mark(&self) -> String {
        let mut keys: Vec<String> = self
            .all()
            .map(|(model, object)| format!("{} {}", model.key(), object.id))
            .collect();
        keys.sort_unstable();
        hex::encode(&Sha256::digest(keys.join("\n"))[..16])
    }

    /// The kinds that may not be deleted.
    pub(super) fn blocked(&self, rights: &Rights) -> Vec<String> {
        let mut kinds: Vec<String> = self
            .all()
            .filter(|(model, _)| !rights.may(Verb::Delete, model.app, model.name))
            .map(|(model, _)| model.singular.to_owned())
            .collect();
        if self.beyond {
            kinds.push(self.model.singular.to_owned());
        }
        kinds.sort();
        kinds.dedup();
        kinds
    }

    /// Deletes everything, and records each row with what it took along, all as one act. Call it within a write.
    fn delete(&self, conn: &mut DbConnection, actor: &User) -> QueryResult<()> {
        let mut touched = Vec::new();
        for row in &self.rows {
            touched.push((self.model.touched)(conn, row.object.id)?);
        }
        let lines = self.all().count() + touched.iter().map(Vec::len).sum::<usize>();
        let mut act = Act::of(lines);
        for (Going { object, along }, touched) in self.rows.iter().zip(touched) {
            let before = held(conn, touched)?;
            let cause = record(conn, actor, &mut act, (self.model, object), None)?;
            for row in along {
                record(conn, actor, &mut act, (row.0, &row.1), Some(cause))?;
            }
            // What hangs on others goes first.
            for (model, object) in along {
                (model.delete)(conn, object.id)?;
            }
            (self.model.delete)(conn, object.id)?;
            for (model, id, before) in before {
                record_touched(conn, actor, &mut act, (model, id, &before), cause)?;
            }
        }
        Ok(())
    }

    /// The rows of each kind.
    pub(super) fn counts(&self) -> BTreeMap<String, (&'static Model, Vec<&Object>)> {
        let mut kinds: BTreeMap<String, (&'static Model, Vec<&Object>)> = BTreeMap::new();
        for (model, object) in self.all() {
            kinds
                .entry(model.key())
                .or_insert_with(|| (model, Vec::new()))
                .1
                .push(object);
        }
        kinds
    }
}

/// Records that a row goes, as long as it is there to be told of.
fn record(
    conn: &mut DbConnection,
    actor: &User,
    act: &mut Act,
    (model, object): (&Model, &Object),
    cause: Option<i64>,
) -> QueryResult<i64> {
    let new = NewChange {
        user: Some(actor),
        model: &model.key(),
        object_id: Some(object.id),
        title: &object.title,
        action: "deleted",
        before: &Snapshot::of(conn, model, object)?.to_text(),
        after: "",
    };
    act.insert(conn, &new, cause)
}

/// What rows hold that are about to lose something.
fn held(
    conn: &mut DbConnection,
    rows: Vec<Along>,
) -> QueryResult<Vec<(&'static Model, i64, Snapshot)>> {
    let mut held = Vec::new();
    for row in rows {
        let Some(model) = models::find(row.app, row.model) else {
            continue;
        };
        if let Some(object) = (model.load)(conn, row.id)? {
            held.push((model, row.id, Snapshot::of(conn, model, &object)?));
        }
    }
    Ok(held)
}

/// Records what a row has lost that stays.
fn record_touched(
    conn: &mut DbConnection,
    actor: &User,
    act: &mut Act,
    (model, id, before): (&Model, i64, &Snapshot),
    cause: i64,
) -> QueryResult<()> {
    let Some(object) = (model.load)(conn, id)? else {
        return Ok(());
    };
    let new = NewChange {
        user: Some(actor),
        model: &model.key(),
        object_id: Some(id),
        title: &object.title,
        action: "changed",
        before: &before.to_text(),
        after: &Snapshot::of(conn, model, &object)?.to_text(),
    };
    act.insert(conn, &new, Some(cause)).map(drop)
}

/// The field that says what the question showed.
pub(super) const SHOWN: &str = "_shown";

/// What became of an order to delete.
pub(super) enum Outcome {
    /// The rows are gone; they were called so.
    Deleted(Vec<String>),
    /// The rights do not suffice.
    Refused,
    /// Something else would go than the question showed.
    Other(Cascade),
}

/// Deletes these rows with all that goes along, if that is what the question showed, or nothing.
pub(super) async fn carry_out(
    user: &SignedIn,
    db: &Db,
    model: &'static Model,
    ids: Vec<i64>,
    sent: &Fields,
) -> Result<Outcome, PageError> {
    let shown = sent.has(SHOWN).then(|| sent.text(SHOWN).to_owned());
    let (actor, rights) = (user.user.clone(), user.rights.clone());
    db.run_long(move |conn| {
        Ok(conn.write(|conn| {
            allow_long(conn)?;
            // What somebody is just adding to the rows is waited for, so that it goes along as the rest does.
            hold(conn, model.table, &ids)?;
            let cascade = Cascade::of(conn, model, &ids, &rights)?;
            if !cascade.blocked(&rights).is_empty() {
                return Ok::<_, diesel::result::Error>(Outcome::Refused);
            }
            if shown.is_some_and(|shown| shown != cascade.mark()) && !cascade.rows.is_empty() {
                return Ok(Outcome::Other(cascade));
            }
            cascade.delete(conn, &actor)?;
            let titles = cascade.rows.into_iter().map(|row| row.object.title);
            Ok(Outcome::Deleted(titles.collect()))
        })?)
    })
    .await
}
