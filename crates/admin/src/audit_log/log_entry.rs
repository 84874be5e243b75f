//! Audit entries for saved objects.

use accounts::User;
use audit::{AuditEntry, ChangeSet, NewAuditEntry};
use diesel::QueryResult;
use oc_core::DbConnection;
use oc_core::admin::{Record, Resource};

use crate::audit_log::snapshot::Snapshot;
use crate::registry::Editor;

/// The change set of an entry, and the entry that it is a consequence of.
pub(crate) struct LogContext<'a> {
    pub(crate) change_set: &'a mut ChangeSet,
    pub(crate) parent_id: Option<i64>,
}

/// What happened to an object.
pub(crate) struct LogEntry<'a> {
    record: &'a Record,
    action: &'a str,
    before: String,
    after: String,
}

impl<'a> LogEntry<'a> {
    pub(crate) fn new(
        record: &'a Record,
        action: &'a str,
        before: Option<&Snapshot>,
        after: &Snapshot,
    ) -> Self {
        Self {
            record,
            action,
            before: before.map(Snapshot::to_text).unwrap_or_default(),
            after: after.to_text(),
        }
    }

    fn new_audit_entry<'b>(&'b self, user: &'b User, key: &'b str) -> NewAuditEntry<'b> {
        NewAuditEntry {
            actor: Some(user.actor()),
            model: key,
            object_id: Some(self.record.id),
            title: &self.record.title,
            action: self.action,
            before: &self.before,
            after: &self.after,
        }
    }
}

/// Logs a change and returns the id of its entry.
pub(crate) fn log_change(
    conn: &mut DbConnection,
    actor: Editor<'_>,
    resource: &Resource,
    entry: &LogEntry<'_>,
    context: LogContext<'_>,
) -> QueryResult<i64> {
    actor.registry.saved(conn, resource, entry.record)?;
    let key = resource.key();
    let new = entry.new_audit_entry(actor.user, &key);
    context.change_set.insert(conn, &new, context.parent_id)
}

/// Logs changes of several objects that are independent of each other.
pub(crate) fn log_changes(
    conn: &mut DbConnection,
    actor: Editor<'_>,
    resource: &Resource,
    entries: &[LogEntry<'_>],
) -> QueryResult<()> {
    let key = resource.key();
    let new: Vec<_> = entries
        .iter()
        .map(|entry| entry.new_audit_entry(actor.user, &key))
        .collect();
    AuditEntry::insert_all(conn, &new)?;
    entries
        .iter()
        .try_for_each(|entry| actor.registry.saved(conn, resource, entry.record))
}

/// Logs changes of several objects in one change set, each with the id of its parent entry. Returns the ids of the
/// entries.
pub(crate) fn log_change_set(
    conn: &mut DbConnection,
    actor: Editor<'_>,
    resource: &Resource,
    change_set: &mut ChangeSet,
    entries: &[(LogEntry<'_>, Option<i64>)],
) -> QueryResult<Vec<i64>> {
    let key = resource.key();
    let new: Vec<_> = entries
        .iter()
        .map(|(entry, parent_id)| (entry.new_audit_entry(actor.user, &key), *parent_id))
        .collect();
    let ids = change_set.insert_all(conn, &new)?;
    for (entry, _) in entries {
        actor.registry.saved(conn, resource, entry.record)?;
    }
    Ok(ids)
}
