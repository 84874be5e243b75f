//! A form with its values, choices and errors.

use actix_web::http::StatusCode;
use diesel::QueryResult;
use oc_core::DbConnection;
use oc_core::admin::{FormValues, Record};
use oc_core::validation::FieldError;

use crate::form::conflict::{ConflictView, with_choices};
use crate::form::definition::FormDefinition;
use crate::gallery::GalleryView;
use crate::ui::field::Section;
use crate::ui::submission::Submission;

pub(crate) struct FormState {
    pub(crate) definition: FormDefinition,
    pub(crate) record: Option<Record>,
    /// The stored values, those of inlines included; the defaults of a new object.
    pub(crate) stored: FormValues,
    pub(crate) values: FormValues,
    pub(crate) sections: Vec<Section>,
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
pub(crate) enum FormFeedback {
    /// It was opened, or searched for choices.
    #[default]
    None,
    Errors(Vec<FieldError>),
    Notice(&'static str),
    Conflict(Box<ConflictView>),
    /// A question that is answered by saving again, with its field.
    Question(&'static str, String),
}

impl From<Vec<FieldError>> for FormFeedback {
    fn from(errors: Vec<FieldError>) -> Self {
        Self::Errors(errors)
    }
}

impl FormFeedback {
    pub(crate) fn status(&self) -> StatusCode {
        match self {
            Self::Conflict(_) => StatusCode::CONFLICT,
            Self::Errors(errors) if !errors.is_empty() => StatusCode::UNPROCESSABLE_ENTITY,
            Self::Question(..) => StatusCode::UNPROCESSABLE_ENTITY,
            _ => StatusCode::OK,
        }
    }

    pub(crate) fn errors(&self) -> &[FieldError] {
        match self {
            Self::Errors(errors) => errors,
            _ => &[],
        }
    }

    pub(crate) fn is_conflict(&self) -> bool {
        matches!(self, Self::Conflict(_))
    }
}

impl FormState {
    /// The form that a query opens, which may set values.
    pub(crate) fn from_query(
        conn: &mut DbConnection,
        definition: FormDefinition,
        query: &Submission,
    ) -> QueryResult<Self> {
        let values = |definition: &FormDefinition, _: &FormValues| definition.query_values(query);
        let feedback = FormFeedback::default();
        Self::load(conn, definition, values, Submission::default(), feedback)
    }

    /// The form with what was submitted or chosen in a conflict.
    pub(crate) fn from_submission(
        conn: &mut DbConnection,
        definition: FormDefinition,
        submission: &Submission,
        feedback: FormFeedback,
    ) -> QueryResult<Self> {
        let is_resolved = !feedback.is_conflict() && submission.has("_resolve");
        let values = |definition: &FormDefinition, stored: &FormValues| {
            let values = definition.form_values(submission);
            if is_resolved && definition.id.is_some() {
                with_choices(definition, submission, values, stored)
            } else {
                values
            }
        };
        Self::load(conn, definition, values, submission.clone(), feedback)
    }

    /// The form with these values, and the stored ones or the defaults of the other fields.
    fn load(
        conn: &mut DbConnection,
        definition: FormDefinition,
        values: impl FnOnce(&FormDefinition, &FormValues) -> FormValues,
        submission: Submission,
        feedback: FormFeedback,
    ) -> QueryResult<Self> {
        let (editor, resource) = (&definition.editor, definition.resource);
        let record = definition.id.map(|id| resource.find(conn, id));
        let record = record.transpose()?;
        let stored = match &record {
            Some(record) => definition.stored(conn, record)?,
            None => resource.defaults(),
        };
        let values = values(&definition, &stored).with_defaults(stored.clone());
        let (mut gallery, mut has_higher_privileges, mut missing) = (None, false, Vec::new());
        if let Some(record) = &record {
            gallery = GalleryView::load(conn, editor, resource, record.id)?;
            if !definition.read_only {
                has_higher_privileges = !editor.can_manage(conn, resource, record.id)?;
                if let Some(page) = resource.public_page {
                    missing = (page.missing)(conn, record)?;
                }
            }
        }
        let mut state = Self {
            definition,
            record,
            stored,
            values,
            sections: Vec::new(),
            has_higher_privileges,
            gallery,
            missing,
            submission,
            feedback,
        };
        state.sections = state.load_sections(conn)?;
        Ok(state)
    }
}
