//! Audit entries for changed objects.

use audit::{ChangeSet, NewAuditEntry};
use diesel::QueryResult;
use oc_core::DbConnection;
use oc_core::admin::{Record, Resource};

use crate::audit_log::snapshot::Snapshot;
use crate::columns::own_fields;
use crate::editor::Editor;

pub(crate) struct LogEntry<'a> {
    pub(crate) record: &'a Record,
    pub(crate) action: &'a str,
    pub(crate) before: Option<Snapshot>,
    pub(crate) after: Option<Snapshot>,
    /// The id of the entry whose change caused this one.
    pub(crate) parent_id: Option<i64>,
}

/// Logs up to a few hundred changes, runs what their resource requires after an object was saved, and returns the ids of
/// the entries.
pub(crate) fn log_changes(
    conn: &mut DbConnection,
    editor: &Editor,
    resource: &Resource,
    change_set: &mut ChangeSet,
    entries: &[LogEntry<'_>],
) -> QueryResult<Vec<i64>> {
    if let Some(rules) = editor.registry.access(resource) {
        let mut saved = entries.iter().filter(|entry| entry.after.is_some());
        saved.try_for_each(|entry| (rules.saved)(conn, entry.record))?;
    }
    let key = resource.key();
    let text =
        |snapshot: &Option<Snapshot>| snapshot.as_ref().map(Snapshot::to_text).unwrap_or_default();
    let texts: Vec<_> = entries
        .iter()
        .map(|entry| (text(&entry.before), text(&entry.after)))
        .collect();
    let new = entries.iter().zip(&texts);
    let new = new.map(|(entry, (before, after))| NewAuditEntry {
        actor: Some(editor.user.actor()),
        model: &key,
        object_id: Some(entry.record.id),
        title: &entry.record.title,
        action: entry.action,
        before,
        after,
        parent_id: entry.parent_id,
        address: "",
    });
    change_set.insert(conn, &new.collect::<Vec<_>>())
}

/// An object before and after a change, at least one of them, and the id of the entry whose change caused this one.
pub(crate) type Versions<'a> = (Option<&'a Record>, Option<&'a Record>, Option<i64>);

/// Logs that objects of a resource were saved or, before they are, deleted. Returns the ids of the entries.
pub(crate) fn log_versions(
    conn: &mut DbConnection,
    editor: &Editor,
    resource: &'static Resource,
    change_set: &mut ChangeSet,
    action: &str,
    objects: &[Versions<'_>],
) -> QueryResult<Vec<i64>> {
    let fields: Vec<_> = own_fields(resource).collect();
    let mut snapshots = |records: Vec<&Record>| {
        Snapshot::for_fields(conn, editor.registry, &fields, &records).map(Vec::into_iter)
    };
    let mut old = snapshots(objects.iter().filter_map(|(before, ..)| *before).collect())?;
    let mut new = snapshots(objects.iter().filter_map(|(_, after, _)| *after).collect())?;
    let entries = objects.iter().filter_map(|(before, after, parent_id)| {
        Some(LogEntry {
            record: after.or(*before)?,
            action,
            before: before.and_then(|_| old.next()),
            after: after.and_then(|_| new.next()),
            parent_id: *parent_id,
        })
    });
    let entries: Vec<_> = entries.collect();
    log_changes(conn, editor, resource, change_set, &entries)
}
