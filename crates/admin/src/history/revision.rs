//! Earlier versions of objects in the audit log, and the permissions to restore them.

use accounts::{Rights, Verb};
use audit::AuditEntry;
use oc_core::admin::Resource;

use crate::registry::Registry;

/// A version of an object.
pub(crate) struct Revision {
    pub(crate) line: AuditEntry,
    /// Whether it is the version before the entry, not after.
    pub(crate) is_before: bool,
}

impl Revision {
    /// The version before a deletion, or after any other action.
    pub(crate) fn new(line: AuditEntry) -> Self {
        Self {
            is_before: line.action == "deleted",
            line,
        }
    }

    /// The snapshot; `None` if the log has none.
    pub(crate) fn text(&self) -> Option<&str> {
        let state = if self.is_before {
            &self.line.before
        } else {
            &self.line.after
        };
        (!state.is_empty()).then_some(state.as_str())
    }
}

/// The object of an entry, if its resource is registered.
pub(crate) fn object_of(registry: Registry, line: &AuditEntry) -> Option<(&'static Resource, i64)> {
    registry.by_key(&line.model).zip(line.object_id)
}

/// Whether a change set only deleted objects, with the consequences.
pub(crate) fn is_delete(lines: &[AuditEntry]) -> bool {
    lines
        .iter()
        .all(|line| line.action == "deleted" || line.parent_id.is_some())
}

/// To restore a version requires the permission to change; a deleted object, the permission to add.
pub(crate) fn may_restore(
    registry: Registry,
    rights: &Rights,
    model: &Resource,
    is_there: bool,
) -> bool {
    if is_there {
        rights.may(Verb::Change, model.app, model.name)
    } else {
        registry.may_add(rights, model)
    }
}

/// Whether the permissions suffice to restore the deleted objects of these entries.
pub(crate) fn may_add_all<'a>(
    registry: Registry,
    rights: &Rights,
    lines: impl IntoIterator<Item = &'a AuditEntry>,
) -> bool {
    lines
        .into_iter()
        .filter(|line| line.action == "deleted")
        .all(|line| {
            object_of(registry, line).is_some_and(|(model, _)| registry.may_add(rights, model))
        })
}
