//! Cascading deletion: which objects it includes, and the code that deletes and logs them.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use accounts::Verb;
use audit::ChangeSet;
use diesel::QueryResult;
use oc_core::DbConnection;
use oc_core::admin::{OnDelete, Record, Reference, Resource};
use sha2::{Digest, Sha256};

use crate::audit_log::log_entry::{LogEntry, Versions, log_changes, log_versions};
use crate::audit_log::snapshot::Snapshot;
use crate::columns::CHUNK;
use crate::editor::Editor;
use crate::registry::Registry;
use crate::ui::layout::{Message, Undo};
use crate::ui::links::{LOG_PATH, by_resource, counted, history_path};

/// An object to delete, and those that are deleted with it.
pub(crate) struct Deletion {
    pub(crate) object: Record,
    pub(crate) dependents: Vec<(&'static Resource, Record)>,
}

impl Deletion {
    /// The object, which is one of `model`, and its dependents, each with its resource.
    pub(crate) fn all(
        &self,
        model: &'static Resource,
    ) -> impl Iterator<Item = (&'static Resource, &Record)> {
        let dependents = self.dependents.iter();
        let dependents = dependents.map(|(resource, record)| (*resource, record));
        [(model, &self.object)].into_iter().chain(dependents)
    }
}

/// A row that stays, but loses its reference to a deleted row.
pub(crate) struct Unlinked {
    pub(crate) resource: &'static Resource,
    pub(crate) id: i64,
    /// The deleted row, or the one whose deletion cascaded to it.
    root: i64,
}

/// The objects to delete, and those that are deleted with them.
pub(crate) struct Cascade {
    pub(crate) model: &'static Resource,
    pub(crate) rows: Vec<Deletion>,
    pub(crate) unlinked: Vec<Unlinked>,
    /// Whether one of them is an account with more permissions than the user.
    exceeds_permissions: bool,
}

impl Cascade {
    pub(crate) fn new(
        conn: &mut DbConnection,
        editor: &Editor,
        model: &'static Resource,
        ids: &[i64],
    ) -> QueryResult<Self> {
        let mut cascade = Self {
            model,
            rows: Vec::new(),
            unlinked: Vec::new(),
            exceeds_permissions: false,
        };
        for ids in ids.chunks(CHUNK) {
            let mut dependents = cascaded(conn, editor.registry, model, ids)?;
            let mut objects = model.load_by_id(conn, ids)?;
            for id in ids {
                let Some(object) = objects.remove(id) else {
                    continue;
                };
                cascade.exceeds_permissions |= !editor.can_manage(conn, model, *id)?;
                cascade.rows.push(Deletion {
                    object,
                    dependents: dependents.remove(id).unwrap_or_default(),
                });
            }
        }
        cascade.unlinked = cascade.find_unlinked(conn, editor.registry)?;
        Ok(cascade)
    }

    /// The rows that stay, but lose a reference to one of these or of the rows that are deleted with them.
    fn find_unlinked(
        &self,
        conn: &mut DbConnection,
        registry: Registry,
    ) -> QueryResult<Vec<Unlinked>> {
        let mut deleted: BTreeMap<String, (&Resource, BTreeMap<i64, i64>)> = BTreeMap::new();
        for row in &self.rows {
            for (resource, record) in row.all(self.model) {
                let entry = deleted.entry(resource.key());
                let (_, roots) = entry.or_insert_with(|| (resource, BTreeMap::new()));
                roots.insert(record.id, row.object.id);
            }
        }
        let mut unlinked = Vec::new();
        for (target, roots) in deleted.values() {
            for (resource, reference) in registry.references_to(target, OnDelete::Unlink) {
                let rows = referring(conn, reference, roots)?.into_iter();
                unlinked.extend(rows.map(|(id, root)| Unlinked { resource, id, root }));
            }
        }
        unlinked.retain(|row| {
            let own = deleted.get(&row.resource.key());
            own.is_none_or(|(_, roots)| !roots.contains_key(&row.id))
        });
        Ok(unlinked)
    }

    pub(crate) fn all(&self) -> impl Iterator<Item = (&'static Resource, &Record)> {
        self.rows.iter().flat_map(|row| row.all(self.model))
    }

    /// A fingerprint of the objects, so that nothing is deleted that the confirmation page didn't show.
    pub(crate) fn fingerprint(&self) -> String {
        let mut keys: Vec<String> = self
            .all()
            .map(|(model, object)| format!("{} {}", model.key(), object.id))
            .collect();
        keys.sort_unstable();
        hex::encode(&Sha256::digest(keys.join("\n"))[..16])
    }

    pub(crate) fn blocked(&self, editor: &Editor) -> Vec<String> {
        let mut kinds: Vec<String> = self
            .all()
            .filter(|(model, _)| !editor.may(Verb::Delete, model))
            .map(|(model, _)| model.singular.to_owned())
            .collect();
        if self.exceeds_permissions {
            kinds.push(self.model.singular.to_owned());
        }
        kinds.sort();
        kinds.dedup();
        kinds
    }

    /// Deletes all objects and logs them as one change set. Requires a transaction and at least one row. Returns the id of
    /// the first entry.
    pub(crate) fn delete(&self, conn: &mut DbConnection, editor: &Editor) -> QueryResult<i64> {
        let (registry, mut first) = (editor.registry, None);
        let mut change_set = ChangeSet::new(self.all().count() + self.unlinked.len());
        let mut unlinked: BTreeMap<i64, Vec<&Unlinked>> = BTreeMap::new();
        for row in &self.unlinked {
            unlinked.entry(row.root).or_default().push(row);
        }
        // Several deletions may unlink the same row: log the row's state after each one.
        let unlinks = |row: &Deletion| unlinked.contains_key(&row.object.id);
        let batches = self
            .rows
            .chunk_by(|one, other| !unlinks(one) && !unlinks(other));
        for rows in batches.flat_map(|rows| rows.chunks(CHUNK)) {
            let mut before = Vec::new();
            for Unlinked { resource, id, .. } in
                unlinked.get(&rows[0].object.id).into_iter().flatten()
            {
                if let Some(object) = resource.load(conn, *id)? {
                    before.push((
                        resource,
                        *id,
                        Snapshot::new(conn, registry, resource, &object)?,
                    ));
                }
            }
            let parents = self.delete_chunk(conn, editor, &mut change_set, rows)?;
            first = first.or(Some(parents[0]));
            for (resource, id, before) in before {
                let Some(record) = resource.load(conn, id)? else {
                    continue;
                };
                let entry = LogEntry {
                    record: &record,
                    action: "changed",
                    before: Some(before),
                    after: Some(Snapshot::new(conn, registry, resource, &record)?),
                    parent_id: Some(parents[0]),
                };
                log_changes(conn, editor, resource, &mut change_set, &[entry])?;
            }
        }
        Ok(first.expect("the cascade has rows"))
    }

    /// The message about the deletion, with a button to undo it for users who may restore everything. The audit entry is
    /// the first one of the deletion, and so identifies its change set.
    pub(crate) fn message(&self, editor: &Editor, entry_id: i64) -> Message {
        let (message, action) = if let [Deletion { object, .. }] = self.rows.as_slice() {
            (
                Message::done("Deleted", self.model, &object.title, None),
                history_path(self.model, object.id),
            )
        } else {
            let count = counted(self.model, self.rows.len());
            (
                Message::new("success", format!("Deleted {count}.")),
                format!("{LOG_PATH}{entry_id}/"),
            )
        };
        let may_restore = self
            .all()
            .all(|(resource, _)| editor.may_add(resource) && editor.may_view(resource));
        message.with_undo(may_restore.then_some(Undo { action, entry_id }))
    }

    /// Deletes some of the rows with their cascade and returns the ids of their audit entries.
    fn delete_chunk(
        &self,
        conn: &mut DbConnection,
        editor: &Editor,
        change_set: &mut ChangeSet,
        rows: &[Deletion],
    ) -> QueryResult<Vec<i64>> {
        let objects = rows.iter().map(|row| (Some(&row.object), None, None));
        let objects: Vec<Versions<'_>> = objects.collect();
        let parents = log_versions(conn, editor, self.model, change_set, "deleted", &objects)?;
        let cascaded = by_resource(rows.iter().zip(&parents).flat_map(|(row, parent)| {
            let dependents = row.dependents.iter();
            dependents.map(|(resource, object)| (*resource, (Some(object), None, Some(*parent))))
        }));
        for (resource, objects) in &cascaded {
            for objects in objects.chunks(CHUNK) {
                log_versions(conn, editor, resource, change_set, "deleted", objects)?;
            }
        }
        // Referring rows first.
        for (resource, objects) in cascaded.iter().rev() {
            let records = objects.iter().filter_map(|(object, ..)| *object);
            let ids: Vec<i64> = records.map(|record| record.id).collect();
            for ids in ids.chunks(CHUNK) {
                (resource.delete)(conn, ids)?;
            }
        }
        let ids: Vec<i64> = rows.iter().map(|row| row.object.id).collect();
        (self.model.delete)(conn, &ids)?;
        Ok(parents)
    }
}

/// The rows that are deleted with each of these rows by the references of all resources, direct ones first.
fn cascaded(
    conn: &mut DbConnection,
    registry: Registry,
    resource: &'static Resource,
    ids: &[i64],
) -> QueryResult<BTreeMap<i64, Vec<(&'static Resource, Record)>>> {
    let mut seen: BTreeSet<(String, i64)> = ids.iter().map(|id| (resource.key(), *id)).collect();
    let mut cascaded: BTreeMap<i64, Vec<(&'static Resource, Record)>> = BTreeMap::new();
    let mut pending = VecDeque::from([(resource, ids.iter().map(|id| (*id, *id)).collect())]);
    while let Some((target, roots)) = pending.pop_front() {
        for (source, reference) in registry.references_to(target, OnDelete::Cascade) {
            let found = referring(conn, reference, &roots)?.into_iter();
            let mut found: BTreeMap<i64, i64> = found.collect();
            found.retain(|id, _| seen.insert((source.key(), *id)));
            let ids: Vec<i64> = found.keys().copied().collect();
            for ids in ids.chunks(CHUNK) {
                for record in (source.load_all)(conn, ids)? {
                    let rows = cascaded.entry(found[&record.id]).or_default();
                    rows.push((source, record));
                }
            }
            if !found.is_empty() {
                pending.push_back((source, found));
            }
        }
    }
    Ok(cascaded)
}

/// The rows that refer to these, each with the root row that `roots` has for its target.
fn referring(
    conn: &mut DbConnection,
    reference: &Reference,
    roots: &BTreeMap<i64, i64>,
) -> QueryResult<Vec<(i64, i64)>> {
    let targets: Vec<i64> = roots.keys().copied().collect();
    let mut found = Vec::new();
    for targets in targets.chunks(CHUNK) {
        let rows = reference.referring(conn, targets)?.into_iter();
        found.extend(rows.map(|(target, id)| (id, roots[&target])));
    }
    Ok(found)
}
