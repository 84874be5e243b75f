//! Audit entries as pages and files show them.

use audit::{AUTH, AuditEntry};
use serde::Serialize;

use crate::audit_log::snapshot::{FieldChange, Snapshot, summarize};
use crate::columns::own_fields;
use crate::editor::Editor;
use crate::registry::Registry;
use crate::ui::links::{capitalized, history_path};

/// The kind of sign-in events.
pub(crate) const AUTH_LABEL: &str = "Sign-in";

#[derive(Debug, Serialize)]
pub(crate) struct EntryView {
    pub(crate) id: i64,
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
    pub(crate) change_set_href: Option<String>,
}

impl EntryView {
    pub(crate) fn new(entry: AuditEntry, user: &Editor) -> Self {
        let registry = user.registry;
        let model = registry.by_key(&entry.model);
        let before = Snapshot::from_text(&entry.before);
        let after = Snapshot::from_text(&entry.after);
        let changes = model.map_or_else(Vec::new, |model| {
            let fields: Vec<_> = own_fields(model).collect();
            Snapshot::changes(&before, &after, &fields, registry.time_zone)
        });
        let action = if entry.description.is_empty() {
            summarize(&entry.action, &changes)
        } else {
            entry.description
        };
        let is_auth = entry.model == AUTH;
        let has_before = entry.action != "deleted" && !entry.before.is_empty();
        Self {
            id: entry.id,
            date: registry.time_zone.date_time(entry.changed_at),
            // Changes without a user were made on the command line; sign-in events may have none.
            user: if entry.username.is_empty() && !is_auth {
                "command line".to_owned()
            } else {
                entry.username
            },
            address: entry.address,
            kind: match model {
                Some(model) => capitalized(model.singular),
                None if is_auth => AUTH_LABEL.to_owned(),
                None => entry.model,
            },
            title: entry.title,
            href: model
                .zip(entry.object_id)
                .filter(|(model, _)| user.may_view(model))
                .map(|(model, id)| history_path(model, id)),
            action,
            changes: if has_before { changes } else { Vec::new() },
            change_set_href: entry.change_set_id.map(|id| format!("/admin/log/{id}/")),
        }
    }
}

/// The object of an entry: `letting "Title"`.
pub(crate) fn object_name(registry: Registry, entry: &AuditEntry) -> String {
    match registry.by_key(&entry.model) {
        Some(model) => format!("{} “{}”", model.singular, entry.title),
        None => entry.title.clone(),
    }
}
