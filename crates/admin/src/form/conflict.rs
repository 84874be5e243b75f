//! Edit conflicts: two versions of an object, and a choice for each field.

use audit::AuditEntry;
use diesel::QueryResult;
use oc_core::DbConnection;
use oc_core::admin::{FormValues, id_in};
use serde::Serialize;

use crate::audit_log::entry_view::EntryView;
use crate::audit_log::snapshot::display_text;
use crate::columns::BoundField;
use crate::form::definition::{FormDefinition, InitialVersion};
use crate::ui::links::change_path;
use crate::ui::submission::Submission;

/// Both versions of an object.
#[derive(Debug, Serialize)]
pub(crate) struct ConflictView {
    text: String,
    /// Who saved the stored version, and when.
    saved: Option<String>,
    /// The form with the stored version.
    discard_href: String,
    rows: Vec<FieldConflict>,
    /// An error if fields have no choice yet.
    undecided: Option<String>,
}

#[derive(Debug, Serialize)]
struct FieldConflict {
    label: String,
    name: String,
    theirs: String,
    mine: String,
    note: &'static str,
    /// The selected version: `theirs`, `mine` or none.
    chosen: &'static str,
}

impl ConflictView {
    /// Every field that differs, with a note and the selected version by `choice`.
    pub(crate) fn new(
        conn: &mut DbConnection,
        definition: &FormDefinition,
        mine: &FormValues,
        (id, theirs): (i64, &FormValues),
        choice: impl Fn(&str) -> VersionChoice,
    ) -> QueryResult<Self> {
        let mut rows = Vec::new();
        for (bound, name) in differing(definition, mine, theirs) {
            let mut version = |values: &FormValues| {
                display_text(
                    conn,
                    definition.registry(),
                    bound.resource,
                    bound.field,
                    values.list(&name),
                )
            };
            let (note, chosen) = choice(&name);
            rows.push(FieldConflict {
                label: bound.field.label.to_owned(),
                theirs: version(theirs)?,
                mine: version(mine)?,
                name,
                note,
                chosen,
            });
        }
        let text = format!(
            "Someone else changed this {} while you were editing. Your changes have not been saved.",
            definition.resource.singular
        );
        let last = last_entry(conn, definition, id, theirs)?;
        Ok(Self {
            text,
            saved: last.map(|entry| {
                let view = EntryView::new(entry, &definition.editor);
                format!("{} saved this version at {}.", view.user, view.date)
            }),
            discard_href: change_path(definition.resource, id),
            rows,
            undecided: None,
        })
    }

    /// The view with an error about the fields without a selected version.
    pub(crate) fn with_undecided_error(mut self) -> Self {
        let open = self.rows.iter().filter(|row| row.chosen.is_empty());
        let labels: Vec<&str> = open.map(|row| row.label.as_str()).collect();
        let text = format!("Choose which version to keep: {}.", labels.join(", "));
        self.undecided = Some(text);
        self
    }
}

/// A note, and the selected version: `theirs`, `mine` or none.
pub(crate) type VersionChoice = (&'static str, &'static str);

/// If only one side changed a field, that version is selected.
pub(crate) fn suggested_version(
    origin: &InitialVersion,
    name: &str,
    mine: &FormValues,
    theirs: &FormValues,
) -> VersionChoice {
    match (
        origin.is_changed(name, mine),
        origin.is_changed(name, theirs),
    ) {
        (false, _) => ("Only they changed this", "theirs"),
        (_, false) => ("Only you changed this", "mine"),
        _ => ("Both of you changed this", ""),
    }
}

/// The version that a submission selects.
pub(crate) fn submitted_version(sent: &Submission, name: &str) -> VersionChoice {
    let chosen = sent.text(&merge(name));
    let known = ["theirs", "mine"].into_iter().find(|word| *word == chosen);
    ("", known.unwrap_or_default())
}

/// The last audit entry of an object and of those that are edited inline.
fn last_entry(
    conn: &mut DbConnection,
    definition: &FormDefinition,
    id: i64,
    stored: &FormValues,
) -> QueryResult<Option<AuditEntry>> {
    let edited = definition.inlines.iter().filter(|form| form.edits);
    let inlines = edited.filter_map(|form| {
        let id = id_in(stored, form.inline.field)?;
        Some((form.inline.resource, id))
    });
    let mut last: Option<AuditEntry> = None;
    for (resource, id) in [(definition.resource, id)].into_iter().chain(inlines) {
        let entry = AuditEntry::last_for_object(conn, &resource.key(), id)?;
        last = last
            .into_iter()
            .chain(entry)
            .max_by_key(|entry| (entry.changed_at, entry.id));
    }
    Ok(last)
}

/// Whether two versions differ in what was submitted.
pub(crate) fn differ(definition: &FormDefinition, mine: &FormValues, theirs: &FormValues) -> bool {
    !differing(definition, mine, theirs).is_empty()
}

/// The fields that differ, each with its name in the form.
fn differing(
    definition: &FormDefinition,
    mine: &FormValues,
    theirs: &FormValues,
) -> Vec<(BoundField, String)> {
    let mut found = Vec::new();
    for bound in definition.stored_fields() {
        for name in bound.parts() {
            if mine.0.contains_key(&name) && mine.list(&name) != theirs.list(&name) {
                found.push((bound, name));
            }
        }
    }
    found
}

/// The field that lists the fields that need a choice. Others without a choice stay mine.
const ASKED: &str = "_asked";

/// The name of the field with the choice for another one.
fn merge(name: &str) -> String {
    format!("merge_{name}")
}

/// The submitted values with the versions that were chosen: mine by default. `None` if a choice is missing.
pub(crate) fn resolve(
    definition: &FormDefinition,
    sent: &Submission,
    mine: &FormValues,
    theirs: &FormValues,
) -> Option<FormValues> {
    let mut resolved = mine.clone();
    if !sent.has("_resolve") {
        return Some(resolved);
    }
    let asked = sent.list(ASKED);
    for (_, name) in differing(definition, mine, theirs) {
        match sent.text(&merge(&name)) {
            "theirs" => resolved = resolved.with_list(&name, theirs.list(&name).to_vec()),
            "mine" => {}
            _ if asked.contains(&name) => return None,
            _ => {}
        }
    }
    Some(resolved)
}
