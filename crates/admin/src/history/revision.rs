//! Earlier versions of objects in the audit log, and the permissions to restore them.

use accounts::Verb;
use audit::AuditEntry;
use oc_core::admin::Resource;

use crate::editor::Editor;
use crate::registry::Registry;

pub(crate) struct Revision {
    pub(crate) entry: AuditEntry,
    /// Whether it is the version before the entry, not after.
    pub(crate) is_before: bool,
}

impl Revision {
    /// The version before a deletion, or after any other action.
    pub(crate) fn new(entry: AuditEntry) -> Self {
        Self {
            is_before: entry.action == "deleted",
            entry,
        }
    }

    /// The snapshot; `None` if the log has none.
    pub(crate) fn snapshot_text(&self) -> Option<&str> {
        let text = if self.is_before {
            &self.entry.before
        } else {
            &self.entry.after
        };
        (!text.is_empty()).then_some(text.as_str())
    }
}

/// The object of an entry, if its resource is registered.
pub(crate) fn object_of(
    registry: Registry,
    entry: &AuditEntry,
) -> Option<(&'static Resource, i64)> {
    registry.by_key(&entry.model).zip(entry.object_id)
}

/// Whether a change set only deleted objects, with the consequences.
pub(crate) fn is_delete(entries: &[AuditEntry]) -> bool {
    let mut roots = entries.iter().filter(|entry| entry.parent_id.is_none());
    roots.all(|entry| entry.action == "deleted")
}

/// To restore a version requires the permission to change; a deleted object, the permission to add.
pub(crate) fn may_restore(user: &Editor, model: &Resource, exists: bool) -> bool {
    if exists {
        user.may(Verb::Change, model)
    } else {
        user.may_add(model)
    }
}

/// Whether the permissions suffice to restore the deleted objects of these entries.
pub(crate) fn may_add_all<'a>(
    user: &Editor,
    entries: impl IntoIterator<Item = &'a AuditEntry>,
) -> bool {
    let mut deleted = entries
        .into_iter()
        .filter(|entry| entry.action == "deleted");
    deleted
        .all(|entry| object_of(user.registry, entry).is_some_and(|(model, _)| user.may_add(model)))
}
