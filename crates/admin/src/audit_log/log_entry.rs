//! Audit entries for changed objects.

use audit::{ChangeSet, NewAuditEntry};
use diesel::QueryResult;
use oc_core::DbConnection;
use oc_core::admin::{Record, Resource};

use crate::audit_log::snapshot::Snapshot;
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
    let new = entries.iter().zip(&texts).map(|(entry, (before, after))| {
        let new = NewAuditEntry {
            actor: Some(editor.user.actor()),
            model: &key,
            object_id: Some(entry.record.id),
            title: &entry.record.title,
            action: entry.action,
            before,
            after,
        };
        (new, entry.parent_id)
    });
    change_set.insert_all(conn, &new.collect::<Vec<_>>())
}

/// Logs that objects of a resource are deleted, before they are, each with the id of its parent entry. Returns the ids of
/// the entries.
pub(crate) fn log_deleted(
    conn: &mut DbConnection,
    editor: &Editor,
    change_set: &mut ChangeSet,
    resource: &'static Resource,
    objects: &[(&Record, Option<i64>)],
) -> QueryResult<Vec<i64>> {
    let records: Vec<&Record> = objects.iter().map(|(record, _)| *record).collect();
    let before = Snapshot::for_records(conn, editor.registry, resource, &records)?;
    let entries = objects.iter().zip(before);
    let entries = entries.map(|((record, parent_id), before)| LogEntry {
        record,
        action: "deleted",
        before: Some(before),
        after: None,
        parent_id: *parent_id,
    });
    let entries: Vec<_> = entries.collect();
    log_changes(conn, editor, resource, change_set, &entries)
}

/// Logs that objects of a resource were saved, each with the version before, if there was one, and the id of its parent
/// entry. Returns the ids of the entries.
pub(crate) fn log_saved(
    conn: &mut DbConnection,
    editor: &Editor,
    resource: &'static Resource,
    change_set: &mut ChangeSet,
    action: &str,
    objects: &[(Option<&Record>, &Record, Option<i64>)],
) -> QueryResult<Vec<i64>> {
    let mut snapshots =
        |records: Vec<&Record>| Snapshot::for_records(conn, editor.registry, resource, &records);
    let before = snapshots(objects.iter().filter_map(|(before, ..)| *before).collect())?;
    let after = snapshots(objects.iter().map(|(_, after, _)| *after).collect())?;
    let mut before = before.into_iter();
    let entries = objects.iter().zip(after);
    let entries = entries.map(|((old, record, parent_id), after)| LogEntry {
        record,
        action,
        before: old.and_then(|_| before.next()),
        after: Some(after),
        parent_id: *parent_id,
    });
    let entries: Vec<_> = entries.collect();
    log_changes(conn, editor, resource, change_set, &entries)
}
