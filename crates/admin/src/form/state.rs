//! A form with its values, choices and errors.

use std::collections::BTreeMap;

use actix_web::http::StatusCode;
use diesel::QueryResult;
use oc_core::DbConnection;
use oc_core::admin::{FieldKind, FormValues, Record};
use oc_core::validation::FieldError;

use crate::columns::{BoundField, inline_fields};
use crate::form::choices::{FieldChoices, field_choices};
use crate::form::conflict::{ConflictView, with_choices};
use crate::form::definition::FormDefinition;
use crate::gallery::GalleryView;
use crate::ui::submission::Submission;

pub(crate) struct FormState {
    pub(crate) definition: FormDefinition,
    pub(crate) record: Option<Record>,
    /// The stored values, those of inlines included.
    pub(crate) stored: FormValues,
    pub(crate) values: FormValues,
    pub(crate) choices: Vec<FieldChoices>,
    /// Suggested values by the name of the field in the form.
    pub(crate) suggestions: BTreeMap<&'static str, Vec<String>>,
    /// Whether the object is an account with permissions that the user lacks.
    pub(crate) has_higher_privileges: bool,
    pub(crate) gallery: Option<GalleryView>,
    /// What would help visitors of its public page.
    pub(crate) missing: Vec<String>,
    /// The submission, if the form is shown again, and why it is.
    pub(crate) submission: Submission,
    pub(crate) feedback: FormFeedback,
}

/// Why a form is shown again.
#[derive(Default)]
pub(crate) struct FormFeedback {
    pub(crate) errors: Vec<FieldError>,
    pub(crate) notice: Option<&'static str>,
    pub(crate) conflict: Option<Box<ConflictView>>,
    /// A question that is answered by saving again, with its field.
    pub(crate) question: Option<(&'static str, String)>,
}

impl From<Vec<FieldError>> for FormFeedback {
    fn from(errors: Vec<FieldError>) -> Self {
        Self {
            errors,
            ..Self::default()
        }
    }
}

impl FormFeedback {
    pub(crate) fn status(&self) -> StatusCode {
        if self.conflict.is_some() {
            StatusCode::CONFLICT
        } else if self.errors.is_empty() && self.question.is_none() {
            StatusCode::OK
        } else {
            StatusCode::UNPROCESSABLE_ENTITY
        }
    }
}

impl FormState {
    /// The form of a new object; the query may set values, as in `?address=7`.
    pub(crate) fn initial(
        conn: &mut DbConnection,
        definition: FormDefinition,
        query: &Submission,
    ) -> QueryResult<Self> {
        let values = definition.query_values(query, |_| true);
        let values = values.with_defaults(definition.resource.defaults());
        Self::new(conn, definition, None, values, query)
    }

    /// The form of a stored object; the query may set choices, unless the user may only view it.
    pub(crate) fn stored(
        conn: &mut DbConnection,
        definition: FormDefinition,
        id: i64,
        query: &Submission,
    ) -> QueryResult<Self> {
        let record = definition.resource.find(conn, id)?;
        let mut values = definition.stored(conn, &record)?;
        let is_choice = |bound: &BoundField| {
            matches!(
                bound.field.kind,
                FieldKind::Choice(..) | FieldKind::Related(..)
            )
        };
        if !definition.read_only {
            values.0.extend(definition.query_values(query, is_choice).0);
        }
        Self::new(conn, definition, Some(record), values, query)
    }

    /// The form of a stored object, or of a new one, with what was submitted or chosen in a conflict.
    pub(crate) fn submitted(
        conn: &mut DbConnection,
        definition: FormDefinition,
        id: Option<i64>,
        submission: &Submission,
        feedback: FormFeedback,
    ) -> QueryResult<Self> {
        let resource = definition.resource;
        let record = id.map(|id| resource.find(conn, id)).transpose()?;
        let stored = record.as_ref().map(|record| record.values.clone());
        let stored = stored.unwrap_or_else(|| resource.defaults());
        let mut values = definition.with_absent(definition.form_values(submission), &stored);
        if let Some(record) = &record
            && feedback.conflict.is_none()
            && submission.has("_resolve")
        {
            let theirs = definition.stored(conn, record)?;
            values = with_choices(&definition, submission, values, &theirs);
        }
        Ok(Self {
            submission: submission.clone(),
            feedback,
            ..Self::new(conn, definition, record, values, submission)?
        })
    }

    fn new(
        conn: &mut DbConnection,
        definition: FormDefinition,
        record: Option<Record>,
        values: FormValues,
        submission: &Submission,
    ) -> QueryResult<Self> {
        let (editor, resource) = (&definition.editor, definition.resource);
        let id = record.as_ref().map(|record| record.id);
        let choices = field_choices(conn, &definition, id, &values, submission)?;
        let inlines = definition.inlines.iter();
        let inlines = inlines.flat_map(|form| inline_fields(form.inline));
        let mut suggestions = BTreeMap::new();
        for bound in definition.own_fields().chain(inlines) {
            if let Some(load) = bound.field.suggestions {
                suggestions.insert(bound.name, load(conn)?);
            }
        }
        let (mut stored, mut gallery) = (FormValues::default(), None);
        let (mut has_higher_privileges, mut missing) = (false, Vec::new());
        if let Some(record) = &record {
            stored = definition.stored(conn, record)?;
            gallery = GalleryView::load(conn, editor, resource, record.id)?;
            if !definition.read_only {
                has_higher_privileges = !editor.can_manage(conn, resource, record.id)?;
                if let Some(page) = resource.public_page {
                    missing = (page.missing)(conn, record)?;
                }
            }
        }
        Ok(Self {
            definition,
            record,
            stored,
            values,
            choices,
            suggestions,
            has_higher_privileges,
            gallery,
            missing,
            submission: Submission::default(),
            feedback: FormFeedback::default(),
        })
    }
}
