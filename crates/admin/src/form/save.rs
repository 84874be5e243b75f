//! Saving an object, with the related objects that are edited inline, in one transaction.

use audit::ChangeSet;
use diesel::connection::Connection;
use oc_core::DbConnection;
use oc_core::admin::{FormValues, Inline, Record, Resource, SaveError, id_in};
use oc_core::locks::lock;
use oc_core::validation::{FieldError, Violation};

use crate::audit_log::log_entry::log_versions;
use crate::editor::Editor;
use crate::form::definition::{FormDefinition, InlineForm};

/// A change of an inline: the stored object, if it is not a new one, and its new values.
type InlineChange = (Option<Record>, FormValues);

/// Saves an object and its inlines. The errors of all of them are returned together. Requires a transaction.
pub(crate) fn save_with_inlines(
    conn: &mut DbConnection,
    definition: &FormDefinition,
    current: Option<&Record>,
    values: &FormValues,
) -> Result<Record, SaveError> {
    for InlineForm { inline, .. } in &definition.inlines {
        if let Some(id) = current.and_then(|record| id_in(&record.values, inline.field)) {
            lock(conn, &inline.resource.key(), id)?;
        }
    }
    save_inlines_and(conn, definition, current, values, |conn, own| {
        save_object(conn, &definition.editor, definition.resource, current, own)
    })
}

/// Saves the inlines, then the object's own values by `save`. The errors of all of them are returned together. Requires a
/// transaction and locks of the inlines.
pub(crate) fn save_inlines_and<T>(
    conn: &mut DbConnection,
    definition: &FormDefinition,
    current: Option<&Record>,
    values: &FormValues,
    save: impl FnOnce(&mut DbConnection, &FormValues) -> Result<T, SaveError>,
) -> Result<T, SaveError> {
    let editor = &definition.editor;
    let inlines = definition.resource.inlines.iter();
    let mut own = inlines.fold(values.clone(), |own, inline| inline.without_fields(own));
    let mut errors = Vec::new();
    let mut invalid_references = Vec::new();
    for form in &definition.inlines {
        let inline = form.inline;
        let saved = match plan_inline(conn, form, current, values) {
            Ok(None) => continue,
            Ok(Some((stored, values))) => conn.transaction(|conn| {
                let (resource, change_set) = (inline.resource, &mut ChangeSet::none());
                save_changed(conn, editor, resource, stored.as_ref(), &values, change_set)
            }),
            Err(error) => Err(error),
        };
        match saved {
            Ok(record) => own = own.with(inline.field, record.id.to_string()),
            Err(SaveError::Invalid(invalid)) => {
                errors.extend(invalid.into_iter().map(|error| inline_error(inline, error)));
                invalid_references.push(inline.field);
            }
            Err(error) => return Err(error),
        }
    }
    if errors.is_empty() {
        return save(conn, &own);
    }
    Err(with_other_errors(
        conn,
        errors,
        &invalid_references,
        |conn| save(conn, &own),
    ))
}

/// These errors, and those of other fields that a save finds, which is rolled back.
fn with_other_errors<T>(
    conn: &mut DbConnection,
    mut errors: Vec<FieldError>,
    known: &[&str],
    save: impl FnOnce(&mut DbConnection) -> Result<T, SaveError>,
) -> SaveError {
    let attempt = conn.transaction(|conn| match save(conn) {
        Ok(_) => Err(SaveError::Invalid(Vec::new())),
        Err(error) => Err::<(), _>(error),
    });
    match attempt {
        Err(SaveError::Invalid(more)) => {
            let is_other = |error: &FieldError| !known.contains(&error.field);
            errors.extend(more.into_iter().filter(is_other));
            SaveError::Invalid(errors)
        }
        Err(error) => error,
        Ok(()) => SaveError::Invalid(errors),
    }
}

/// What the choice and the fields of an inline ask for together; `None` to keep it. Unchanged fields ask for nothing.
fn plan_inline(
    conn: &mut DbConnection,
    form: &InlineForm,
    current: Option<&Record>,
    values: &FormValues,
) -> Result<Option<InlineChange>, SaveError> {
    let inline = form.inline;
    let is_chosen = !values.text(inline.field).trim().is_empty();
    let is_new = form.adds && !is_chosen;
    let Some(typed) = inline.values(values) else {
        // Reports every missing field, not just that there is no object.
        let is_missing = is_new && inline.is_in(values);
        return Ok(is_missing.then(|| (None, FormValues::default())));
    };
    let stored = match current {
        Some(record) => inline.related(conn, &record.values)?,
        None => None,
    };
    let is_unchanged = stored.as_ref().is_some_and(|own| own.values == typed);
    if is_unchanged || !is_chosen {
        return Ok((is_new && !is_unchanged).then_some((None, typed)));
    }
    match (stored, id_in(values, inline.field)) {
        (Some(stored), Some(id)) if stored.id == id && form.edits => {
            Ok(Some((Some(stored), typed)))
        }
        _ => match inline.related(conn, values)? {
            Some(chosen) if chosen.values == typed => Ok(None),
            _ => Err(SaveError::Invalid(vec![FieldError {
                field: inline.field,
                violation: Violation::Taken(inline.conflict_message),
            }])),
        },
    }
}

/// An error under the name that its field has in the form.
fn inline_error(inline: &Inline, error: FieldError) -> FieldError {
    let name = inline.fields().find(|(_, field)| field.name == error.field);
    FieldError {
        field: name.map_or(inline.field, |(name, _)| name),
        violation: error.violation,
    }
}

/// Adds or changes an object, logs it, and returns it as stored. Requires a transaction.
pub(crate) fn save_object(
    conn: &mut DbConnection,
    editor: &Editor,
    resource: &'static Resource,
    current: Option<&Record>,
    values: &FormValues,
) -> Result<Record, SaveError> {
    let record = save_unlogged(conn, editor, resource, current, values)?;
    log(
        conn,
        editor,
        resource,
        &mut ChangeSet::none(),
        current,
        &record,
    )?;
    Ok(record)
}

/// The same, but an unchanged object is not logged.
pub(crate) fn save_changed(
    conn: &mut DbConnection,
    editor: &Editor,
    resource: &'static Resource,
    current: Option<&Record>,
    values: &FormValues,
    change_set: &mut ChangeSet,
) -> Result<Record, SaveError> {
    let record = save_unlogged(conn, editor, resource, current, values)?;
    if current.is_none_or(|old| old.values != record.values) {
        log(conn, editor, resource, change_set, current, &record)?;
    }
    Ok(record)
}

fn log(
    conn: &mut DbConnection,
    editor: &Editor,
    resource: &'static Resource,
    change_set: &mut ChangeSet,
    current: Option<&Record>,
    record: &Record,
) -> Result<(), SaveError> {
    let action = if current.is_some() {
        "changed"
    } else {
        "added"
    };
    let versions = [(current, Some(record), None)];
    log_versions(conn, editor, resource, change_set, action, &versions)?;
    Ok(())
}

/// Saves values that give no more permissions than the editor has. Otherwise their other errors are returned as well.
fn save_unlogged(
    conn: &mut DbConnection,
    editor: &Editor,
    resource: &Resource,
    current: Option<&Record>,
    values: &FormValues,
) -> Result<Record, SaveError> {
    let defaults = current.map_or_else(|| resource.defaults(), |record| record.values.clone());
    let stored = current.map(|record| &record.values);
    let zone = editor.registry.time_zone;
    let values = zone.stored_values(resource.fields, values, stored)?;
    let values = &values.with_defaults(defaults);
    let id = current.map(|record| record.id);
    let errors = editor.escalations(conn, resource, current, values)?;
    if errors.is_empty() {
        let id = (resource.save)(conn, id, values)?;
        return resource.load(conn, id)?.ok_or(SaveError::Missing);
    }
    let denied: Vec<&str> = errors.iter().map(|error| error.field).collect();
    Err(with_other_errors(conn, errors, &denied, |conn| {
        (resource.save)(conn, id, values)
    }))
}
