//! Deleting rows with all that goes along, and recording it.

use std::collections::BTreeMap;

use diesel::QueryResult;
use oc_core::admin::{Dependent, Record, Resource};
use oc_core::audit::{ChangeSet, NewAuditEntry};
use oc_core::locks::hold;
use oc_core::timeouts::raise_statement_timeout;
use oc_core::{DbConnection, User};

use crate::admin::audit_log::snapshot::Snapshot;
use crate::admin::auth::current_user::CurrentUser;
use crate::admin::delete::cascade::{CHUNK, Cascade, Deletion};
use crate::admin::registry;
use crate::admin::ui::form_data::Submission;
use crate::db::Db;
use crate::error::PageError;

/// A row that goes, and by which line that of the row that takes it along is told.
type Cascaded<'a> = (&'a Record, Option<i64>);

impl Cascade {
    /// Deletes everything, and records each row with what it took along, all as one act. Call it within a write.
    fn delete(&self, conn: &mut DbConnection, actor: &User) -> QueryResult<()> {
        let mut touched = Vec::new();
        for rows in self.rows.chunks(CHUNK) {
            touched.push((self.model.affected)(conn, &ids(rows))?);
        }
        let lines = self.all().count() + touched.iter().map(Vec::len).sum::<usize>();
        let mut act = ChangeSet::new(lines);
        for (rows, touched) in self.rows.chunks(CHUNK).zip(touched) {
            if touched.is_empty() {
                self.delete_some(conn, actor, &mut act, rows)?;
                continue;
            }
            // What stays may lose something by several of them: it is told of each by itself.
            for row in rows {
                let own = touched.iter().filter(|lost| lost.by == row.object.id);
                let before = held(conn, own)?;
                let causes = self.delete_some(conn, actor, &mut act, std::slice::from_ref(row))?;
                for (model, id, before) in before {
                    record_touched(conn, actor, &mut act, (model, id, &before), causes[0])?;
                }
            }
        }
        Ok(())
    }

    /// Deletes some of the rows with what they take along, and says by which lines the record tells of them.
    fn delete_some(
        &self,
        conn: &mut DbConnection,
        actor: &User,
        act: &mut ChangeSet,
        rows: &[Deletion],
    ) -> QueryResult<Vec<i64>> {
        let objects: Vec<_> = rows.iter().map(|row| (&row.object, None)).collect();
        let causes = record(conn, actor, act, self.model, &objects)?;
        let mut kinds: BTreeMap<String, (&Resource, Vec<Cascaded<'_>>)> = BTreeMap::new();
        for (row, cause) in rows.iter().zip(&causes) {
            for (model, object) in &row.along {
                let kind = kinds.entry(model.key());
                let (_, objects) = kind.or_insert_with(|| (*model, Vec::new()));
                objects.push((object, Some(*cause)));
            }
        }
        for (model, objects) in kinds.values() {
            for objects in objects.chunks(CHUNK) {
                record(conn, actor, act, model, objects)?;
            }
        }
        // What hangs on others goes first.
        for (model, objects) in kinds.values() {
            let ids: Vec<i64> = objects.iter().map(|(object, _)| object.id).collect();
            for ids in ids.chunks(CHUNK) {
                (model.delete)(conn, ids)?;
            }
        }
        (self.model.delete)(conn, &ids(rows))?;
        Ok(causes)
    }
}

fn ids(rows: &[Deletion]) -> Vec<i64> {
    rows.iter().map(|row| row.object.id).collect()
}

/// Records that rows of a kind go, as long as they are there to be told of; each with the line of the row that takes it
/// along. Says by which lines.
fn record(
    conn: &mut DbConnection,
    actor: &User,
    act: &mut ChangeSet,
    model: &Resource,
    rows: &[Cascaded<'_>],
) -> QueryResult<Vec<i64>> {
    let objects: Vec<&Record> = rows.iter().map(|(object, _)| *object).collect();
    let before = Snapshot::of_all(conn, model, &objects)?;
    let before: Vec<String> = before.iter().map(Snapshot::to_text).collect();
    let key = model.key();
    let mut lines = Vec::new();
    for ((object, cause), before) in rows.iter().zip(&before) {
        let new = NewAuditEntry {
            user: Some(actor),
            model: &key,
            object_id: Some(object.id),
            title: &object.title,
            action: "deleted",
            before,
            after: "",
        };
        lines.push((new, *cause));
    }
    act.insert_all(conn, &lines)
}

/// What rows hold that are about to lose something.
fn held<'a>(
    conn: &mut DbConnection,
    rows: impl Iterator<Item = &'a Dependent>,
) -> QueryResult<Vec<(&'static Resource, i64, Snapshot)>> {
    let mut held = Vec::new();
    for row in rows {
        let Some(model) = registry::find(row.app, row.model) else {
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
    act: &mut ChangeSet,
    (model, id, before): (&Resource, i64, &Snapshot),
    cause: i64,
) -> QueryResult<()> {
    let Some(object) = (model.load)(conn, id)? else {
        return Ok(());
    };
    let new = NewAuditEntry {
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
pub(crate) const SHOWN: &str = "_shown";

/// What became of an order to delete.
pub(crate) enum DeletionOutcome {
    /// The rows are gone; they were called so.
    Deleted(Vec<String>),
    /// The rights do not suffice.
    Refused,
    /// Something else would go than the question showed.
    Other(Cascade),
}

/// Deletes these rows with all that goes along, if that is what the question showed, or nothing.
pub(crate) async fn execute(
    user: &CurrentUser,
    db: &Db,
    model: &'static Resource,
    ids: Vec<i64>,
    sent: &Submission,
) -> Result<DeletionOutcome, PageError> {
    let shown = sent.has(SHOWN).then(|| sent.text(SHOWN).to_owned());
    let (actor, rights) = (user.user.clone(), user.rights.clone());
    db.run_long(move |conn| {
        Ok(conn.write(|conn| {
            raise_statement_timeout(conn)?;
            // What somebody is just adding to the rows is waited for, so that it goes along as the rest does.
            hold(conn, model.table, &ids)?;
            let cascade = Cascade::of(conn, model, &ids, &rights)?;
            if !cascade.blocked(&rights).is_empty() {
                return Ok::<_, diesel::result::Error>(DeletionOutcome::Refused);
            }
            if shown.is_some_and(|shown| shown != cascade.mark()) && !cascade.rows.is_empty() {
                return Ok(DeletionOutcome::Other(cascade));
            }
            cascade.delete(conn, &actor)?;
            let titles = cascade.rows.into_iter().map(|row| row.object.title);
            Ok(DeletionOutcome::Deleted(titles.collect()))
        })?)
    })
    .await
}
