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

/// An object to delete: a selected one, or one that is deleted with it.
pub(crate) struct DeletedObject {
    resource: &'static Resource,
    object: Record,
    /// The id of the selected object.
    selected_id: i64,
}

/// A row that stays, but loses its reference to a deleted row.
pub(crate) struct Unlinked {
    pub(crate) resource: &'static Resource,
    pub(crate) id: i64,
    /// The selected object that the deleted row is, or is deleted with.
    selected_id: i64,
}

/// The objects to delete, and those that are deleted with them.
pub(crate) struct Cascade {
    /// The resource of the selected objects.
    pub(crate) model: &'static Resource,
    /// Each selected object, followed by those that are deleted with it.
    rows: Vec<DeletedObject>,
    pub(crate) unlinked: Vec<Unlinked>,
    /// Whether one of them is an account with more permissions than the user.
    exceeds_permissions: bool,
}

impl Cascade {
    /// Loads the objects, and everything that deleting them affects.
    ///
    /// # Errors
    /// `NotFound` if none of them exists.
    pub(crate) fn new(
        conn: &mut DbConnection,
        editor: &Editor,
        model: &'static Resource,
        ids: &[i64],
    ) -> QueryResult<Self> {
        let rows = cascaded(conn, editor.registry, model, ids)?;
        if rows.is_empty() {
            return Err(diesel::NotFound);
        }
        let unlinked = unlinked(conn, editor.registry, &rows)?;
        let mut exceeds_permissions = false;
        for id in ids {
            exceeds_permissions |= !editor.can_manage(conn, model, *id)?;
        }
        Ok(Self {
            model,
            rows,
            unlinked,
            exceeds_permissions,
        })
    }

    /// The selected objects that exist.
    pub(crate) fn selected(&self) -> Vec<&Record> {
        let key = self.model.key();
        let is_selected =
            |row: &&DeletedObject| row.object.id == row.selected_id && row.resource.key() == key;
        let selected = self.rows.iter().filter(is_selected);
        selected.map(|row| &row.object).collect()
    }

    pub(crate) fn all(&self) -> impl Iterator<Item = (&'static Resource, &Record)> {
        self.rows.iter().map(|row| (row.resource, &row.object))
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
        let mut change_set = ChangeSet::new(self.rows.len() + self.unlinked.len());
        let mut unlinked: BTreeMap<i64, Vec<&Unlinked>> = BTreeMap::new();
        for row in &self.unlinked {
            unlinked.entry(row.selected_id).or_default().push(row);
        }
        // Several deletions may unlink the same row: log the row's state after each one.
        let unlinks = |row: &DeletedObject| unlinked.contains_key(&row.selected_id);
        let batches = self.rows.chunk_by(|one, other| {
            one.selected_id == other.selected_id || (!unlinks(one) && !unlinks(other))
        });
        for rows in batches {
            let mut before = Vec::new();
            for row in unlinked.get(&rows[0].selected_id).into_iter().flatten() {
                if let Some(object) = row.resource.load(conn, row.id)? {
                    let snapshot = Snapshot::new(conn, registry, row.resource, &object)?;
                    before.push((row.resource, row.id, snapshot));
                }
            }
            let parent_id = delete_batch(conn, editor, &mut change_set, rows)?;
            first = first.or(Some(parent_id));
            for (resource, id, before) in before {
                let Some(record) = resource.load(conn, id)? else {
                    continue;
                };
                let entry = LogEntry {
                    record: &record,
                    action: "changed",
                    before: Some(before),
                    after: Some(Snapshot::new(conn, registry, resource, &record)?),
                    parent_id: Some(parent_id),
                };
                log_changes(conn, editor, resource, &mut change_set, &[entry])?;
            }
        }
        Ok(first.expect("the cascade has rows"))
    }

    /// The message about the deletion, with a button to undo it for users who may restore everything. The audit entry is
    /// the first one of the deletion, and so identifies its change set.
    pub(crate) fn message(&self, editor: &Editor, entry_id: i64) -> Message {
        let (message, action) = match self.selected().as_slice() {
            [object] => (
                Message::done("Deleted", self.model, &object.title, None),
                history_path(self.model, object.id),
            ),
            objects => {
                let count = counted(self.model, objects.len());
                (
                    Message::new("success", format!("Deleted {count}.")),
                    format!("{LOG_PATH}{entry_id}/"),
                )
            }
        };
        let may_restore = self
            .all()
            .all(|(resource, _)| editor.may_add(resource) && editor.may_view(resource));
        message.with_undo(may_restore.then_some(Undo { action, entry_id }))
    }
}

/// Logs and deletes rows, and returns the id of the first audit entry.
fn delete_batch(
    conn: &mut DbConnection,
    editor: &Editor,
    change_set: &mut ChangeSet,
    rows: &[DeletedObject],
) -> QueryResult<i64> {
    // The resource of the selected objects is the first.
    let groups = by_resource(rows.iter().map(|row| (row.resource, row)));
    let mut parents: BTreeMap<i64, i64> = BTreeMap::new();
    for (resource, rows) in &groups {
        for rows in rows.chunks(CHUNK) {
            let deleted = rows.iter().map(|row| {
                let parent_id = parents.get(&row.selected_id).copied();
                (Some(&row.object), None, parent_id)
            });
            let deleted: Vec<Versions<'_>> = deleted.collect();
            let entry_ids = log_versions(conn, editor, resource, change_set, "deleted", &deleted)?;
            for (row, entry_id) in rows.iter().zip(entry_ids) {
                parents.entry(row.selected_id).or_insert(entry_id);
            }
        }
    }
    // Referring rows first.
    for (resource, rows) in groups.iter().rev() {
        let ids: Vec<i64> = rows.iter().map(|row| row.object.id).collect();
        for ids in ids.chunks(CHUNK) {
            (resource.delete)(conn, ids)?;
        }
    }
    Ok(parents[&rows[0].selected_id])
}

/// These rows, each followed by those that are deleted with it by the references of all resources, direct ones first.
fn cascaded(
    conn: &mut DbConnection,
    registry: Registry,
    model: &'static Resource,
    ids: &[i64],
) -> QueryResult<Vec<DeletedObject>> {
    let mut rows = Vec::new();
    let mut seen: BTreeSet<(String, i64)> = ids.iter().map(|id| (model.key(), *id)).collect();
    let selected_ids: BTreeMap<i64, i64> = ids.iter().map(|id| (*id, *id)).collect();
    let mut pending = VecDeque::from([(model, selected_ids)]);
    while let Some((resource, selected_ids)) = pending.pop_front() {
        for (source, reference) in registry.references_to(resource, OnDelete::Cascade) {
            let found = referring(conn, reference, &selected_ids)?.into_iter();
            let mut found: BTreeMap<i64, i64> = found.collect();
            found.retain(|id, _| seen.insert((source.key(), *id)));
            if !found.is_empty() {
                pending.push_back((source, found));
            }
        }
        let ids: Vec<i64> = selected_ids.keys().copied().collect();
        for ids in ids.chunks(CHUNK) {
            let objects = (resource.load_all)(conn, ids)?.into_iter();
            rows.extend(objects.map(|object| DeletedObject {
                resource,
                selected_id: selected_ids[&object.id],
                object,
            }));
        }
    }
    let places: BTreeMap<&i64, usize> = ids.iter().zip(0..).collect();
    rows.sort_by_key(|row| places[&row.selected_id]);
    Ok(rows)
}

/// The rows that stay, but lose a reference to one of these.
fn unlinked(
    conn: &mut DbConnection,
    registry: Registry,
    deleted: &[DeletedObject],
) -> QueryResult<Vec<Unlinked>> {
    let mut unlinked = Vec::new();
    for (target, rows) in by_resource(deleted.iter().map(|row| (row.resource, row))) {
        let selected_ids = rows
            .iter()
            .map(|row| (row.object.id, row.selected_id))
            .collect();
        for (resource, reference) in registry.references_to(target, OnDelete::Unlink) {
            let rows = referring(conn, reference, &selected_ids)?.into_iter();
            unlinked.extend(rows.map(|(id, selected_id)| Unlinked {
                resource,
                id,
                selected_id,
            }));
        }
    }
    let keys = deleted
        .iter()
        .map(|row| (row.resource.key(), row.object.id));
    let keys: BTreeSet<_> = keys.collect();
    unlinked.retain(|row| !keys.contains(&(row.resource.key(), row.id)));
    Ok(unlinked)
}

/// The rows that refer to these, each with the selected id that `selected_ids` has for its target.
fn referring(
    conn: &mut DbConnection,
    reference: &Reference,
    selected_ids: &BTreeMap<i64, i64>,
) -> QueryResult<Vec<(i64, i64)>> {
    let targets: Vec<i64> = selected_ids.keys().copied().collect();
    let mut found = Vec::new();
    for targets in targets.chunks(CHUNK) {
        let rows = reference.referring(conn, targets)?.into_iter();
        found.extend(rows.map(|(target, id)| (id, selected_ids[&target])));
    }
    Ok(found)
}
