//! The history of an object: its audit entries, with the versions to restore.

use std::collections::BTreeMap;

use accounts::Rights;
use audit::AuditEntry;
use diesel::QueryResult;
use oc_core::DbConnection;
use oc_core::admin::{Record, Resource};
use serde::Serialize;

use crate::audit_log::entry_view::{changes, date, has_before, summary, who};
use crate::audit_log::snapshot::{FieldChange, Snapshot};
use crate::history::revision::{self, Revision};
use crate::registry::{Registry, may_view};
use crate::ui::links::history_path;

/// A row of the page.
#[derive(Serialize)]
pub(crate) struct TimelineEntry {
    date: String,
    user: String,
    action: String,
    /// Other objects of the same change set.
    notes: Vec<RelatedEntry>,
    changes: Vec<FieldChange>,
    restore: Vec<RestoreOption>,
}

/// Another object of the same change set.
#[derive(Serialize)]
struct RelatedEntry {
    text: &'static str,
    title: String,
    href: Option<String>,
}

/// A version that can be restored.
#[derive(Serialize)]
struct RestoreOption {
    value: String,
    label: &'static str,
}

/// The audit entries of an object.
pub(crate) struct ObjectHistory {
    registry: Registry,
    pub(crate) object: Option<Record>,
    /// The stored version.
    now: Option<Snapshot>,
    pub(crate) lines: Vec<AuditEntry>,
    /// Entries of objects that were deleted or changed with this one.
    along: Vec<AuditEntry>,
    /// Entries of objects that this one was deleted or changed with.
    causes: BTreeMap<i64, AuditEntry>,
}

impl ObjectHistory {
    pub(crate) fn new(
        conn: &mut DbConnection,
        registry: Registry,
        model: &Resource,
        id: i64,
    ) -> QueryResult<Self> {
        let object = (model.load)(conn, id)?;
        let now = object.as_ref();
        let now = now.map(|object| Snapshot::new(conn, model, object));
        let now = now.transpose()?;
        let lines = AuditEntry::for_object(conn, &model.key(), id)?;
        let ids: Vec<i64> = lines.iter().map(|line| line.id).collect();
        let along = AuditEntry::children_of(conn, &ids)?;
        let causes: Vec<i64> = lines.iter().filter_map(|line| line.parent_id).collect();
        let causes = AuditEntry::find_all(conn, &causes)?.into_iter();
        Ok(Self {
            registry,
            object,
            now,
            lines,
            along,
            causes: causes.map(|line| (line.id, line)).collect(),
        })
    }

    /// Each entry with the versions that can be restored: the one after it, and the one before it if no earlier entry has
    /// it, because the object is older than the log or was changed without it.
    pub(crate) fn rows(&self, model: &Resource, rights: &Rights) -> Vec<TimelineEntry> {
        let mut known = Snapshot::default();
        let mut rows = Vec::new();
        for line in &self.lines {
            let (before, after) = (
                Snapshot::from_text(&line.before),
                Snapshot::from_text(&line.after),
            );
            let mut states = vec![Revision::new(line.clone())];
            if line.action != "deleted" && before.values() != known.values() {
                let (line, is_before) = (line.clone(), true);
                states.insert(0, Revision { line, is_before });
            }
            known = after;
            let states = states
                .into_iter()
                .filter(|state| self.may_restore(state, model, rights))
                .map(|state| RestoreOption::new(&state));
            rows.push(self.line(line, states.collect(), model, rights));
        }
        rows
    }

    fn along(&self, line: &AuditEntry) -> impl Iterator<Item = &AuditEntry> {
        self.along
            .iter()
            .filter(|row| row.parent_id == Some(line.id))
    }

    fn line(
        &self,
        line: &AuditEntry,
        restore: Vec<RestoreOption>,
        model: &Resource,
        rights: &Rights,
    ) -> TimelineEntry {
        let changes = changes(line, model);
        let cause = line.parent_id.and_then(|cause| self.causes.get(&cause));
        let with = self.along(line).map(|row| {
            let went = row.action == line.action;
            RelatedEntry::new(
                self.registry,
                if went { "With" } else { "Changed" },
                row,
                rights,
            )
        });
        let after = cause.map(|row| RelatedEntry::new(self.registry, "Along with", row, rights));
        TimelineEntry {
            date: date(line),
            user: who(line),
            action: summary(line, &changes),
            notes: with.chain(after).collect(),
            changes: if has_before(line) {
                changes
            } else {
                Vec::new()
            },
            restore,
        }
    }

    /// Whether a version differs from the stored one, and the user may restore it.
    fn may_restore(&self, state: &Revision, model: &Resource, rights: &Rights) -> bool {
        let now = self.now.as_ref().map(Snapshot::values);
        let is_other = |text| now != Some(Snapshot::from_text(text).values());
        state.text().is_some_and(is_other)
            && revision::may_restore(self.registry, rights, model, self.object.is_some())
            && (self.object.is_some()
                || state.line.action != "deleted"
                || revision::may_add_all(self.registry, rights, self.along(&state.line)))
    }
}

/// Suffix of the entry's id for the version before it.
pub(crate) const BEFORE: &str = "-before";

impl RestoreOption {
    fn new(state: &Revision) -> Self {
        let id = state.line.id;
        match (state.line.action.as_str(), state.is_before) {
            ("deleted", _) => Self {
                value: id.to_string(),
                label: "Restore",
            },
            (_, false) => Self {
                value: id.to_string(),
                label: "Restore this version",
            },
            (_, true) => Self {
                value: format!("{id}{BEFORE}"),
                label: "Restore the previous version",
            },
        }
    }
}

impl RelatedEntry {
    fn new(registry: Registry, text: &'static str, line: &AuditEntry, rights: &Rights) -> Self {
        let model = registry.by_key(&line.model);
        let known = model.zip(line.object_id);
        Self {
            text,
            title: match model {
                Some(model) => format!("{} \"{}\"", model.singular, line.title),
                None => line.title.clone(),
            },
            href: known
                .filter(|(model, _)| may_view(rights, model))
                .map(|(model, id)| history_path(model, id)),
        }
    }
}
