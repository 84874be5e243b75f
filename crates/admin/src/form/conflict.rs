//! Edit conflicts: two versions of an object, and a choice for each field.

use audit::AuditEntry;
use diesel::QueryResult;
use oc_core::DbConnection;
use oc_core::admin::{FormValues, Record, id_in};
use serde::Serialize;

use crate::audit_log::entry_view::EntryView;
use crate::audit_log::snapshot::display_text;
use crate::form::definition::{FormDefinition, InitialVersion, VERSION};
use crate::ui::links::change_path;
use crate::ui::submission::Submission;

/// Both versions of an object.
#[derive(Debug, Serialize)]
pub(crate) struct ConflictView {
    /// The stored version, which the choices are about.
    #[serde(skip)]
    pub(crate) version: String,
    singular: &'static str,
    /// The entry of the stored version.
    saved: Option<EntryView>,
    /// The form with the stored version.
    discard_href: String,
    rows: Vec<FieldConflict>,
    /// An error if fields have no choice yet.
    undecided: Option<String>,
}

#[derive(Debug, Serialize)]
struct FieldConflict {
    label: &'static str,
    name: String,
    theirs: String,
    mine: String,
    note: &'static str,
    /// The selected version: `theirs`, `mine` or none.
    chosen: &'static str,
}

/// The field that lists the fields that need a choice. Others without a choice stay mine.
const ASKED: &str = "_asked";

/// The submitted values with the versions that were chosen, mine by default; or both versions, if somebody saved another
/// one since the form was opened, or a choice is missing. If only one side changed a field, that version is selected.
pub(crate) fn resolve(
    conn: &mut DbConnection,
    definition: &FormDefinition,
    submission: &Submission,
    mine: FormValues,
    current: &Record,
) -> QueryResult<Result<FormValues, ConflictView>> {
    let theirs = &definition.stored(conn, current)?;
    let initial = InitialVersion::parse(definition, submission.text(VERSION));
    let mine = definition.keep_untouched(&initial, mine, theirs);
    let is_stale = submission.has(VERSION) && definition.is_stale(&initial, theirs);
    if !is_stale && !submission.has("_resolve") {
        return Ok(Ok(mine));
    }
    let choice = |name: &str, mine: &FormValues| {
        if !is_stale {
            let chosen = submission.text(&format!("merge_{name}"));
            let known = ["theirs", "mine"].into_iter().find(|word| *word == chosen);
            return ("", known.unwrap_or_default());
        }
        let is_changed = |values| initial.is_changed(name, values);
        match (is_changed(mine), is_changed(theirs)) {
            (false, _) => ("Only they changed this", "theirs"),
            (_, false) => ("Only you changed this", "mine"),
            _ => ("Both of you changed this", ""),
        }
    };
    let mut rows = Vec::new();
    for (bound, name) in definition.parts() {
        if !mine.0.contains_key(&name) || mine.list(&name) == theirs.list(&name) {
            continue;
        }
        let mut version = |values: &FormValues| {
            let (registry, values) = (definition.editor.registry, values.list(&name));
            display_text(conn, registry, bound.resource, bound.field, values)
        };
        let (note, chosen) = choice(&name, &mine);
        rows.push(FieldConflict {
            label: bound.field.label,
            theirs: version(theirs)?,
            mine: version(&mine)?,
            name,
            note,
            chosen,
        });
    }
    let asked = submission.list(ASKED);
    let is_open = |row: &FieldConflict| row.chosen.is_empty() && asked.contains(&row.name);
    if !rows.is_empty() && is_stale || rows.iter().any(is_open) {
        let open = rows.iter().filter(|row| row.chosen.is_empty());
        let labels: Vec<&str> = open.map(|row| row.label).collect();
        let undecided = format!("Choose which version to keep: {}.", labels.join(", "));
        let last = last_entry(conn, definition, current.id, theirs)?;
        return Ok(Err(ConflictView {
            version: definition.version(theirs),
            singular: definition.resource.singular,
            saved: last.map(|entry| EntryView::new(entry, &definition.editor)),
            discard_href: change_path(definition.resource, current.id),
            undecided: (!is_stale).then_some(undecided),
            rows,
        }));
    }
    Ok(Ok(with_choices(definition, submission, mine, theirs)))
}

/// The submitted values, with the stored ones where they were chosen.
pub(crate) fn with_choices(
    definition: &FormDefinition,
    submission: &Submission,
    mut mine: FormValues,
    theirs: &FormValues,
) -> FormValues {
    for (_, name) in definition.parts() {
        let is_theirs = submission.text(&format!("merge_{name}")) == "theirs";
        if is_theirs && mine.0.contains_key(&name) {
            mine = mine.with_list(&name, theirs.list(&name).to_vec());
        }
    }
    mine
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
    let mut entries = Vec::new();
    for (resource, id) in [(definition.resource, id)].into_iter().chain(inlines) {
        entries.extend(AuditEntry::last_for_object(conn, &resource.key(), id)?);
    }
    Ok(entries
        .into_iter()
        .max_by_key(|entry| (entry.changed_at, entry.id)))
}
