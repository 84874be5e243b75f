//! Audit entries as pages and files show them.

use accounts::Rights;
use audit::{AUTH, AuditEntry};
use oc_core::admin::Resource;
use serde::Serialize;

use crate::audit_log::snapshot::{FieldChange, Snapshot, summarize};
use crate::registry::{Registry, may_view};
use crate::ui::links::{capitalized, history_path};

/// The kind of sign-in events.
pub(crate) const AUTH_LABEL: &str = "Sign-in";

/// An entry.
#[derive(Debug, Serialize)]
pub(crate) struct EntryView {
    pub(crate) date: String,
    pub(crate) user: String,
    pub(crate) address: String,
    pub(crate) kind: String,
    pub(crate) title: String,
    /// The history of the object, if the user may view it.
    pub(crate) href: Option<String>,
    pub(crate) action: String,
    pub(crate) changes: Vec<FieldChange>,
    /// The change set, if it has more entries.
    pub(crate) act_href: Option<String>,
}

impl EntryView {
    /// An entry for a user with these permissions.
    pub(crate) fn new(line: AuditEntry, registry: Registry, rights: &Rights) -> Self {
        let model = registry.by_key(&line.model);
        let changes = model.map_or_else(Vec::new, |model| changes(&line, model));
        let action = summary(&line, &changes);
        let href = model
            .zip(line.object_id)
            .filter(|(model, _)| may_view(rights, model))
            .map(|(model, id)| history_path(model, id));
        Self {
            date: date(&line),
            user: who(&line),
            kind: match model {
                Some(model) => capitalized(model.singular),
                None if line.model == AUTH => AUTH_LABEL.to_owned(),
                None => line.model.clone(),
            },
            changes: if has_before(&line) {
                changes
            } else {
                Vec::new()
            },
            act_href: line.change_set_id.map(|act| format!("/admin/log/{act}/")),
            address: line.address,
            title: line.title,
            href,
            action,
        }
    }
}

/// The time of an entry.
pub(crate) fn date(line: &AuditEntry) -> String {
    line.changed_at.format("%Y-%m-%d %H:%M:%S UTC").to_string()
}

/// The user of an entry. Changes without one were made on the command line; sign-in events may have none.
pub(crate) fn who(line: &AuditEntry) -> String {
    if line.username.is_empty() && line.model != AUTH {
        "command line".to_owned()
    } else {
        line.username.clone()
    }
}

/// The changed fields.
pub(crate) fn changes(line: &AuditEntry, model: &Resource) -> Vec<FieldChange> {
    let (before, after) = (
        Snapshot::from_text(&line.before),
        Snapshot::from_text(&line.after),
    );
    Snapshot::changes(&before, &after, model)
}

/// Whether an entry has earlier values.
pub(crate) fn has_before(line: &AuditEntry) -> bool {
    line.action != "deleted" && !line.before.is_empty()
}

/// The summary of an entry.
pub(crate) fn summary(line: &AuditEntry, changes: &[FieldChange]) -> String {
    if line.description.is_empty() {
        summarize(&line.action, changes)
    } else {
        line.description.clone()
    }
}
