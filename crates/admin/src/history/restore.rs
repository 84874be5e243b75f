//! Restoring an earlier version, or deleted objects under their old ids, in one transaction. References that a deletion
//! removed from other objects are restored where those still exist.

use std::collections::{BTreeMap, BTreeSet};

use audit::{AuditEntry, ChangeSet};
use diesel::QueryResult;
use oc_core::DbConnection;
use oc_core::locks::{lock, lock_all};
use oc_http::PageResult;

use crate::auth::staff_request::{StaffRequest, forbid_unless};
use crate::columns::CHUNK;
use crate::editor::Editor;
use crate::history::restorer::{RestoreError, Restored, Restorer};
use crate::history::revision::{Revision, is_delete, object_of};
use crate::registry::Registry;
use crate::ui::links::see_other;

/// Restores objects and redirects with messages: to `done`, or to `failed` if nothing was restored.
pub(crate) async fn restore(
    staff: &StaffRequest,
    (done, failed): (&str, &str),
    work: impl FnOnce(&mut DbConnection, &Editor) -> Result<Restored, RestoreError> + Send + 'static,
) -> PageResult {
    let editor = staff.editor();
    let outcome = staff.try_write_long(move |conn| work(conn, &editor));
    match outcome.await? {
        Ok(restored) => {
            for message in restored.messages(&staff.user) {
                staff.session.add(message);
            }
            Ok(see_other(done))
        }
        Err(violations) => {
            staff.session.add_message("error", violations.message());
            staff.note_escalation(violations.denied_fields);
            Ok(see_other(failed))
        }
    }
}

/// Restores a version; for a deleted object also what was deleted with it. Requires a transaction.
pub(crate) fn restore_revision(
    conn: &mut DbConnection,
    editor: &Editor,
    revision: Revision,
) -> Result<Restored, RestoreError> {
    lock_objects(conn, editor.registry, std::slice::from_ref(&revision.entry))?;
    let children = if revision.entry.action == "deleted" {
        AuditEntry::children_of(conn, &[revision.entry.id])?
    } else {
        Vec::new()
    };
    lock_objects(conn, editor.registry, &children)?;
    let children = without_existing(conn, editor.registry, children)?;
    restore_all(conn, editor, vec![revision], children)
}

/// Restores every object that a change set deleted and that doesn't exist. Requires a transaction.
pub(crate) fn restore_change_set(
    conn: &mut DbConnection,
    editor: &Editor,
    entries: Vec<AuditEntry>,
) -> Result<Restored, RestoreError> {
    forbid_unless(is_delete(&entries))?;
    lock_objects(conn, editor.registry, &entries)?;
    let entries = without_existing(conn, editor.registry, entries)?.into_iter();
    let (roots, children): (Vec<_>, Vec<_>) = entries.partition(|entry| entry.parent_id.is_none());
    let roots = roots.into_iter().map(Revision::new).collect();
    restore_all(conn, editor, roots, children)
}

/// Restores versions, and what was deleted or changed with them.
fn restore_all(
    conn: &mut DbConnection,
    editor: &Editor,
    mut roots: Vec<Revision>,
    mut children: Vec<AuditEntry>,
) -> Result<Restored, RestoreError> {
    let mut restorer = Restorer {
        editor,
        change_set: ChangeSet::new(roots.len() + children.len()),
        restored: Restored::default(),
    };
    // The parents of the new entries: none if the parent exists already.
    for root in &mut roots {
        root.entry.parent_id = None;
    }
    let new_ids = restorer.restore_revisions(conn, &roots)?;
    let old_ids = roots.iter().map(|root| root.entry.id);
    let parents: BTreeMap<i64, i64> = old_ids.zip(new_ids).collect();
    for child in &mut children {
        child.parent_id = child.parent_id.and_then(|id| parents.get(&id).copied());
    }
    let (deleted, unlinked): (Vec<_>, Vec<_>) = children
        .into_iter()
        .partition(|child| child.action == "deleted");
    let deleted: Vec<_> = deleted.into_iter().map(Revision::new).collect();
    restorer.restore_revisions(conn, &deleted)?;
    for entry in &unlinked {
        restorer.restore_references(conn, entry)?;
    }
    Ok(restorer.restored)
}

/// Removes the entries of deleted objects that exist again.
pub(crate) fn without_existing(
    conn: &mut DbConnection,
    registry: Registry,
    mut entries: Vec<AuditEntry>,
) -> QueryResult<Vec<AuditEntry>> {
    let mut existing = BTreeSet::new();
    for model in registry.all() {
        let key = model.key();
        let own = entries.iter().filter(|entry| entry.model == key);
        let ids: Vec<i64> = own.filter_map(|entry| entry.object_id).collect();
        for ids in ids.chunks(CHUNK) {
            let records = (model.load_all)(conn, ids)?.into_iter();
            existing.extend(records.map(|record| (key.clone(), Some(record.id))));
        }
    }
    entries.retain(|entry| {
        entry.action != "deleted" || !existing.contains(&(entry.model.clone(), entry.object_id))
    });
    Ok(entries)
}

/// Locks the objects of these entries until the end of the transaction. PostgreSQL has a limited number of locks: for
/// very many objects this locks their resources.
fn lock_objects(
    conn: &mut DbConnection,
    registry: Registry,
    entries: &[AuditEntry],
) -> QueryResult<()> {
    // Always in the same order, to prevent deadlocks: that of a form, which locks an object before its inlines.
    let objects: BTreeSet<_> = entries
        .iter()
        .filter_map(|entry| object_of(registry, entry))
        .map(|(model, id)| (model.key(), id))
        .collect();
    if objects.len() > CHUNK {
        let keys: BTreeSet<_> = objects.into_iter().map(|(key, _)| key).collect();
        return keys.iter().rev().try_for_each(|key| lock_all(conn, key));
    }
    objects
        .iter()
        .rev()
        .try_for_each(|(key, id)| lock(conn, key, *id))
}
