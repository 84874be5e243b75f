//! Storing a row together with the rows that are added or changed inside its form: one write, all or nothing.

use accounts::{Rights, User};
use oc_core::DbConnection;
use oc_core::admin::{FormValues, Inline, Record, SaveError, id_in};
use oc_core::locks::lock;
use oc_core::validation::{FieldError, Violation};

use crate::admin::form::definition::{FormDefinition, InlineForm};
use crate::admin::form::save;

/// What is to be done with the row inside a form.
enum Plan {
    /// Nothing: it is chosen, or its fields are as they were.
    Leave,
    Change(Record, FormValues),
    Add(FormValues),
}

/// Stores a row as `actor` asked for, with what was typed about the rows inside, and gives it back as it now is.
/// Every broken rule of every row is told at once. Call it within a write.
pub(crate) fn save(
    conn: &mut DbConnection,
    actor: &User,
    rights: &Rights,
    layout: &FormDefinition,
    current: Option<&Record>,
    values: &FormValues,
) -> Result<Record, SaveError> {
    let mut own = FormValues::default();
    for (name, list) in &values.0 {
        if !layout
            .model
            .inlines
            .iter()
            .any(|inside| inside.names.contains(&name.as_str()))
        {
            own = own.with_list(name, list.clone());
        }
    }
    let mut errors = Vec::new();
    let mut settled = Vec::new();
    for inner in &layout.inner {
        let inside = inner.inside;
        let stored = match plan(conn, inner, current, values) {
            Ok(Plan::Leave) => continue,
            Ok(Plan::Change(object, typed)) => {
                lock(conn, &inside.resource.key(), object.id)?;
                attempt(conn, |conn| {
                    save::save_inline(conn, actor, rights, inside.resource, Some(&object), &typed)
                })
            }
            Ok(Plan::Add(typed)) => attempt(conn, |conn| {
                save::save_inline(conn, actor, rights, inside.resource, None, &typed)
            }),
            Err(error) => Err(error),
        };
        match stored {
            Ok(object) => own = own.with(inside.field, object.id.to_string()),
            Err(SaveError::Invalid(broken)) => {
                errors.extend(broken.into_iter().map(|error| named(inside, error)));
                // What refers to it cannot be right yet.
                settled.push(inside.field);
            }
            Err(error) => return Err(error),
        }
    }
    let stored = attempt(conn, |conn| {
        save::save_object(conn, actor, rights, layout.model, current, &own)
    });
    if errors.is_empty() {
        return stored;
    }
    match stored {
        Ok(_) => {}
        Err(SaveError::Invalid(more)) => {
            errors.extend(more.into_iter().filter(|e| !settled.contains(&e.field)));
        }
        Err(error) => return Err(error),
    }
    Err(SaveError::Invalid(errors))
}

/// Runs a part of a write so that, when it is refused, the next part can still be tried.
fn attempt<T>(
    conn: &mut DbConnection,
    work: impl FnOnce(&mut DbConnection) -> Result<T, SaveError>,
) -> Result<T, SaveError> {
    diesel::Connection::transaction(conn, work)
}

/// What the choice and the fields of the row inside ask for together. Fields that are as a form shows them by
/// itself ask for nothing.
fn plan(
    conn: &mut DbConnection,
    inner: &InlineForm,
    current: Option<&Record>,
    values: &FormValues,
) -> Result<Plan, SaveError> {
    let inside = inner.inside;
    let Some(typed) = inner.typed(values) else {
        return Ok(Plan::Leave);
    };
    let own = match current {
        Some(object) => inner.row(conn, &object.values)?,
        None => None,
    };
    let is_as_it_was = own.as_ref().is_some_and(|own| own.values == typed);
    let chosen = values.text(inside.field).trim();
    if chosen.is_empty() {
        return Ok(if inner.adds && !is_as_it_was {
            Plan::Add(typed)
        } else {
            Plan::Leave
        });
    }
    if is_as_it_was {
        return Ok(Plan::Leave);
    }
    match (own, id_in(values, inside.field)) {
        (Some(own), Some(id)) if own.id == id && inner.edits => Ok(Plan::Change(own, typed)),
        _ => match inner.row(conn, values)? {
            Some(chosen) if chosen.values == typed => Ok(Plan::Leave),
            _ => Err(clash(inside)),
        },
    }
}

fn clash(inside: &Inline) -> SaveError {
    SaveError::Invalid(vec![FieldError {
        field: inside.field,
        violation: Violation::Taken(inside.conflict_message),
    }])
}

/// An error under the name that its field has in this form.
fn named(inside: &Inline, error: FieldError) -> FieldError {
    let fields = inside.resource.fields.iter();
    let mut named = fields.zip(inside.names);
    let name = named.find(|(field, _)| field.name == error.field);
    FieldError {
        field: name.map_or(inside.field, |(_, name)| name),
        violation: error.violation,
    }
}
