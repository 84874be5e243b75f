//! Earlier states of rows, as the record keeps them, and who may go back to them.

use accounts::{Rights, Verb};
use audit::AuditEntry;
use oc_core::admin::Resource;

use crate::registry::Registry;

/// A state of a row that the record keeps.
pub(crate) struct Revision {
    pub(crate) line: AuditEntry,
    /// Before what the line tells of, not after.
    pub(crate) is_before: bool,
}

impl Revision {
    /// The state before a delete, and after everything else.
    pub(crate) fn new(line: AuditEntry) -> Self {
        Self {
            is_before: line.action == "deleted",
            line,
        }
    }

    /// What the row held; `None` where the record does not say.
    pub(crate) fn text(&self) -> Option<&str> {
        let state = if self.is_before {
            &self.line.before
        } else {
            &self.line.after
        };
        (!state.is_empty()).then_some(state.as_str())
    }
}

/// The row that a line tells of, if its kind is known here.
pub(crate) fn object_of(registry: Registry, line: &AuditEntry) -> Option<(&'static Resource, i64)> {
    registry.by_key(&line.model).zip(line.object_id)
}

/// Whether an act deleted rows, and did nothing but what came of that.
pub(crate) fn is_delete(lines: &[AuditEntry]) -> bool {
    lines
        .iter()
        .all(|line| line.action == "deleted" || line.parent_id.is_some())
}

/// To go back to a state is to change a row; to bring one back is to add it.
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

/// Whether these rights suffice to bring back the rows of these lines that were deleted.
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
