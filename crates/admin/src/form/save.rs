//! Saving an object, with the related objects that are edited inline, in one transaction.

use std::convert::Infallible;

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

/// Saves an object and its inlines, and logs the object even if nothing changed. The errors of all of them are returned
/// together. Requires a transaction.
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
    let (editor, resource) = (&definition.editor, definition.resource);
    let change_set = &mut ChangeSet::none();
    let saved = save_inlines_and(conn, definition, current, values, |conn, own| {
        editor.save_object(conn, resource, current, own, change_set)
    })?;
    if current.is_some_and(|old| old.values == saved.values) {
        let versions = [(current, Some(&saved), None)];
        log_versions(conn, editor, resource, change_set, "changed", &versions)?;
    }
    Ok(saved)
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
                editor.save_object(conn, resource, stored.as_ref(), &values, change_set)
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
    let attempt: Result<Infallible, _> = conn.transaction(|conn| {
        save(conn)?;
        Err(SaveError::Invalid(Vec::new()))
    });
    match attempt {
        Err(SaveError::Invalid(more)) => {
            let is_other = |error: &FieldError| !known.contains(&error.field);
            errors.extend(more.into_iter().filter(is_other));
            SaveError::Invalid(errors)
        }
        Err(error) => error,
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
            _ => {
                let conflict = Violation::Taken(inline.conflict_message);
                Err(vec![FieldError::new(inline.field, conflict)].into())
            }
        },
    }
}

/// An error under the name that its field has in the form.
fn inline_error(inline: &Inline, error: FieldError) -> FieldError {
    let name = inline.fields().find(|(_, field)| field.name == error.field);
    FieldError::new(name.map_or(inline.field, |(name, _)| name), error.violation)
}

impl Editor {
    /// Adds or changes an object, logs that unless nothing changed, and returns it as stored. Rejects values that give more
    /// permissions than the editor has. Requires a transaction.
    pub(crate) fn save_object(
        &self,
        conn: &mut DbConnection,
        resource: &'static Resource,
        current: Option<&Record>,
        values: &FormValues,
        change_set: &mut ChangeSet,
    ) -> Result<Record, SaveError> {
        let id = current.map(|record| record.id);
        let stored = current.map(|record| &record.values);
        let zone = self.registry.time_zone;
        let values = zone.stored_values(resource.fields, values, stored)?;
        let defaults = stored.map_or_else(|| resource.defaults(), Clone::clone);
        let values = &values.with_defaults(defaults);
        let save = |conn: &mut DbConnection| (resource.save)(conn, id, values);
        let errors = self.escalations(conn, resource, current, values)?;
        if !errors.is_empty() {
            let denied: Vec<&str> = errors.iter().map(|error| error.field).collect();
            return Err(with_other_errors(conn, errors, &denied, save));
        }
        let id = save(conn)?;
        let record = resource.load(conn, id)?.ok_or(SaveError::Missing)?;
        let action = match stored {
            Some(stored) if *stored == record.values => return Ok(record),
            Some(_) => "changed",
            None => "added",
        };
        let versions = [(current, Some(&record), None)];
        log_versions(conn, self, resource, change_set, action, &versions)?;
        Ok(record)
    }
}
