//! Deleting objects with their cascade, and logging it.

use std::collections::BTreeMap;

use accounts::User;
use audit::{ChangeSet, NewAuditEntry};
use diesel::QueryResult;
use oc_core::DbConnection;
use oc_core::admin::{OnDelete, Record, Resource};
use oc_core::locks::hold;
use oc_core::timeouts::raise_statement_timeout;
use oc_http::{Db, PageError};

use crate::audit_log::snapshot::Snapshot;
use crate::auth::current_user::CurrentUser;
use crate::delete::cascade::{CHUNK, Cascade, Deletion};
use crate::registry::Registry;
use crate::ui::submission::Submission;

/// A deleted object, and the id of its parent entry.
type Cascaded<'a> = (&'a Record, Option<i64>);

/// A row that loses its reference to a deleted row.
struct Unlinked {
    resource: &'static Resource,
    id: i64,
    /// The deleted row, or the one whose deletion cascaded to it.
    root: i64,
}

impl Cascade {
    /// Deletes everything and records it as one change set. Requires a transaction.
    fn delete(&self, conn: &mut DbConnection, actor: &User) -> QueryResult<()> {
        let mut unlinked = Vec::new();
        for rows in self.rows.chunks(CHUNK) {
            unlinked.push(self.unlinked(conn, rows)?);
        }
        let entries = self.all().count() + unlinked.iter().map(Vec::len).sum::<usize>();
        let mut change_set = ChangeSet::new(entries);
        for (rows, unlinked) in self.rows.chunks(CHUNK).zip(unlinked) {
            if unlinked.is_empty() {
                self.delete_chunk(conn, actor, &mut change_set, rows)?;
                continue;
            }
            // Several deletions may unlink the same row: record the row's state after each one.
            for row in rows {
                let own = unlinked.iter().filter(|own| own.root == row.object.id);
                let before = snapshots(conn, own)?;
                let row = std::slice::from_ref(row);
                let parents = self.delete_chunk(conn, actor, &mut change_set, row)?;
                for (resource, id, before) in before {
                    let row = (resource, id, &before);
                    record_unlinked(conn, actor, &mut change_set, row, parents[0])?;
                }
            }
        }
        Ok(())
    }

    /// The rows that stay, but lose a reference to one of these or of the rows that are deleted with them.
    fn unlinked(&self, conn: &mut DbConnection, rows: &[Deletion]) -> QueryResult<Vec<Unlinked>> {
        let mut deleted: BTreeMap<String, (&Resource, BTreeMap<i64, i64>)> = BTreeMap::new();
        for row in rows {
            let cascaded = row
                .along
                .iter()
                .map(|(resource, record)| (*resource, record));
            for (resource, record) in [(self.model, &row.object)].into_iter().chain(cascaded) {
                let entry = deleted.entry(resource.key());
                let (_, roots) = entry.or_insert_with(|| (resource, BTreeMap::new()));
                roots.insert(record.id, row.object.id);
            }
        }
        let mut unlinked = Vec::new();
        for (target, roots) in deleted.values() {
            let targets: Vec<i64> = roots.keys().copied().collect();
            for (resource, reference) in self.registry.references_to(target, OnDelete::Unlink) {
                for targets in targets.chunks(CHUNK) {
                    for (target, id) in reference.referring(conn, targets)? {
                        let root = roots[&target];
                        unlinked.push(Unlinked { resource, id, root });
                    }
                }
            }
        }
        unlinked.retain(|row| {
            let own = deleted.get(&row.resource.key());
            own.is_none_or(|(_, roots)| !roots.contains_key(&row.id))
        });
        Ok(unlinked)
    }

    /// Deletes some of the rows with their cascade and returns the ids of their audit entries.
    fn delete_chunk(
        &self,
        conn: &mut DbConnection,
        actor: &User,
        change_set: &mut ChangeSet,
        rows: &[Deletion],
    ) -> QueryResult<Vec<i64>> {
        let objects: Vec<_> = rows.iter().map(|row| (&row.object, None)).collect();
        let parents = record(conn, actor, change_set, self.model, &objects)?;
        let mut cascaded: Vec<(&Resource, Vec<Cascaded<'_>>)> = Vec::new();
        for (row, parent) in rows.iter().zip(&parents) {
            for (resource, object) in &row.along {
                let key = resource.key();
                let known = cascaded.iter().position(|(known, _)| known.key() == key);
                let index = known.unwrap_or_else(|| {
                    cascaded.push((*resource, Vec::new()));
                    cascaded.len() - 1
                });
                cascaded[index].1.push((object, Some(*parent)));
            }
        }
        for (resource, objects) in &cascaded {
            for objects in objects.chunks(CHUNK) {
                record(conn, actor, change_set, resource, objects)?;
            }
        }
        // Referring rows first.
        for (resource, objects) in cascaded.iter().rev() {
            let ids: Vec<i64> = objects.iter().map(|(object, _)| object.id).collect();
            for ids in ids.chunks(CHUNK) {
                (resource.delete)(conn, ids)?;
            }
        }
        (self.model.delete)(conn, &ids(rows))?;
        Ok(parents)
    }
}

fn ids(rows: &[Deletion]) -> Vec<i64> {
    rows.iter().map(|row| row.object.id).collect()
}

/// Logs that objects of a resource are deleted, before they are, each with the id of its parent entry. Returns the ids
/// of the entries.
fn record(
    conn: &mut DbConnection,
    actor: &User,
    act: &mut ChangeSet,
    model: &Resource,
    rows: &[Cascaded<'_>],
) -> QueryResult<Vec<i64>> {
    let objects: Vec<&Record> = rows.iter().map(|(object, _)| *object).collect();
    let before = Snapshot::for_records(conn, model, &objects)?;
    let before: Vec<String> = before.iter().map(Snapshot::to_text).collect();
    let key = model.key();
    let mut lines = Vec::new();
    for ((object, cause), before) in rows.iter().zip(&before) {
        let new = NewAuditEntry {
            actor: Some(actor.actor()),
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

/// Snapshots of rows that are about to be unlinked.
fn snapshots<'a>(
    conn: &mut DbConnection,
    rows: impl Iterator<Item = &'a Unlinked>,
) -> QueryResult<Vec<(&'static Resource, i64, Snapshot)>> {
    let mut snapshots = Vec::new();
    for Unlinked { resource, id, .. } in rows {
        if let Some(object) = (resource.load)(conn, *id)? {
            snapshots.push((*resource, *id, Snapshot::new(conn, resource, &object)?));
        }
    }
    Ok(snapshots)
}

/// Records the change of a row that was unlinked.
fn record_unlinked(
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
        actor: Some(actor.actor()),
        model: &model.key(),
        object_id: Some(id),
        title: &object.title,
        action: "changed",
        before: &before.to_text(),
        after: &Snapshot::new(conn, model, &object)?.to_text(),
    };
    act.insert(conn, &new, Some(cause)).map(drop)
}

/// The field with the fingerprint of the question.
pub(crate) const SHOWN: &str = "_shown";

/// The result of a deletion.
pub(crate) enum DeletionOutcome {
    /// The titles of the deleted objects.
    Deleted(Vec<String>),
    /// The permissions don't suffice.
    Refused,
    /// The cascade differs from what the question showed.
    Other(Cascade),
}

/// Deletes these objects with their cascade, if that is what the question showed.
pub(crate) async fn execute(
    registry: Registry,
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
            // Waits for transactions that add references to these rows, so that the cascade includes them.
            hold(conn, model.table, &ids)?;
            let cascade = Cascade::new(conn, registry, model, &ids, &rights)?;
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
