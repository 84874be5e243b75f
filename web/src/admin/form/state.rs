//! What a row's form needs from the database to be shown.

use diesel::QueryResult;
use oc_core::DbConnection;
use oc_core::admin::{FieldKind, FormValues, Record};

use crate::admin::audit_log::snapshot::parts;
use crate::admin::auth::escalation::can_manage;
use crate::admin::form::choices::{self, FieldChoices};
use crate::admin::form::definition::{BoundField, FormDefinition};
use crate::admin::ui::form_data::Submission;

/// A form, open.
pub(crate) struct FormState {
    pub(crate) layout: FormDefinition,
    /// The row, if it is stored.
    pub(crate) object: Option<Record>,
    /// What it holds now, with the rows inside.
    pub(crate) stored: FormValues,
    /// What the form shows.
    pub(crate) values: FormValues,
    pub(crate) choices: Vec<FieldChoices>,
    /// Whether it is of an account that has rights which whoever opens it does not have.
    pub(crate) is_beyond: bool,
}

impl FormState {
    /// The form of a new row; the address may say what stands in it.
    pub(crate) fn new(
        conn: &mut DbConnection,
        layout: FormDefinition,
        query: &Submission,
    ) -> QueryResult<Self> {
        let given = given(&layout, query, |_| true);
        Self::with(conn, layout, None, given, query)
    }

    /// The form of a stored row as it is; the address may say what is chosen in it.
    pub(crate) fn stored(
        conn: &mut DbConnection,
        layout: FormDefinition,
        object: Record,
        query: &Submission,
    ) -> QueryResult<Self> {
        let mut values = layout.stored(conn, &object)?;
        let is_choice = |bound: &BoundField| matches!(bound.field.kind, FieldKind::Choice { .. });
        values.0.extend(given(&layout, query, is_choice).0);
        Self::with(conn, layout, Some(object), values, query)
    }

    /// A form with these values in it, for who sent them.
    pub(crate) fn with(
        conn: &mut DbConnection,
        layout: FormDefinition,
        object: Option<Record>,
        values: FormValues,
        sent: &Submission,
    ) -> QueryResult<Self> {
        let row = object.as_ref().map(|object| object.id);
        let choices = choices::choices(conn, layout.own(), row, &values, sent)?;
        let stored = match &object {
            Some(object) => layout.stored(conn, object)?,
            None => FormValues::default(),
        };
        let is_beyond = match row {
            Some(id) => !can_manage(conn, &layout.rights, layout.model, id)?,
            None => false,
        };
        Ok(Self {
            layout,
            object,
            stored,
            values,
            choices,
            is_beyond,
        })
    }

    /// A stored row for who only looks.
    pub(crate) fn to_look_at(
        conn: &mut DbConnection,
        layout: FormDefinition,
        object: Record,
    ) -> QueryResult<Self> {
        let choices = choices::chosen(conn, layout.own(), &object.values)?;
        Ok(Self {
            layout,
            stored: object.values.clone(),
            values: object.values.clone(),
            object: Some(object),
            choices,
            is_beyond: false,
        })
    }
}

/// The values that stand in an address, as `?address=7`.
fn given(
    layout: &FormDefinition,
    query: &Submission,
    counts: impl Fn(&BoundField) -> bool,
) -> FormValues {
    let mut values = FormValues::default();
    for bound in layout.own().filter(|bound| counts(bound)) {
        for name in parts(bound.name, bound.field.kind) {
            if query.has(&name) {
                values = match bound.field.kind {
                    FieldKind::Boolean => values.with_yes(&name, !query.text(&name).is_empty()),
                    _ => values.with_list(&name, query.list(&name)),
                };
            }
        }
    }
    values
}
