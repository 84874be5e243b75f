//! Editing one field of the selected objects: the choice of a field, its value, a question, and the change.

use actix_web::http::StatusCode;
use audit::ChangeSet;
use diesel::result::Error as DatabaseError;
use oc_core::DbConnection;
use oc_core::admin::{Field, Resource, SaveError};
use oc_core::locks::{lock, lock_all};
use oc_core::timeouts::raise_statement_timeout;
use oc_core::validation::FieldError;
use oc_http::{Page, PageResult};
use serde::Serialize;

use crate::audit_log::snapshot::display_text;
use crate::auth::staff_request::StaffRequest;
use crate::editor::Editor;
use crate::form::choices::FIND;
use crate::form::definition::FormDefinition;
use crate::form::page::search_path;
use crate::form::render::FormRenderer;
use crate::form::save::save_changed;
use crate::form::state::FormState;
use crate::ui::field::{ChoiceView, ErrorSummary, FieldView, Hidden, Section};
use crate::ui::layout::Message;
use crate::ui::links::{capitalized, counted, see_other};
use crate::ui::submission::Submission;

/// The most objects that are changed together.
pub(super) const MAX_EDITED: usize = 10_000;

pub(super) const ACTION: &str = "edit_selected";

/// The field that has the name of the field to change.
const FIELD: &str = "_field";
/// The hidden field of a form with a value.
const HAS_VALUE: &str = "_has_value";
/// The number of objects that the question was about.
const COUNT: &str = "_count";

/// Objects that are loaded together.
const CHUNK: usize = 250;

const CHANGED: &str = "The items to change have changed. Nothing has been saved yet. Check again.";

#[derive(Serialize)]
struct BulkEditPage {
    notice: Option<String>,
    error_summary: Option<ErrorSummary>,
    sections: Vec<Section>,
    question: Vec<String>,
    hidden: Vec<Hidden>,
    /// The label of the button, unless there is nothing to do.
    button: Option<&'static str>,
    back_href: String,
}

impl Page for BulkEditPage {
    const TEMPLATE: &'static str = "admin/bulk_edit.html";
}

enum Unchanged {
    /// The question was not asked yet, or about another number: this many of so many objects would be changed.
    Question(usize, usize),
    /// The object with this title would be invalid.
    Invalid(String, Vec<FieldError>),
    Database(DatabaseError),
}

impl From<DatabaseError> for Unchanged {
    fn from(error: DatabaseError) -> Self {
        Self::Database(error)
    }
}

/// The fields that can be changed in many objects.
pub(super) fn fields(model: &'static Resource) -> impl Iterator<Item = &'static Field> {
    model.fields.iter().filter(|field| field.bulk_edit)
}

/// The selected objects, and the form that changes them.
pub(super) struct BulkEdit<'a> {
    pub(super) staff: &'a StaffRequest,
    pub(super) model: &'static Resource,
    pub(super) ids: Vec<i64>,
    pub(super) submission: &'a Submission,
    /// The hidden fields with the action and the ids.
    pub(super) hidden: Vec<Hidden>,
    /// The address of the list.
    pub(super) back: &'a str,
}

impl BulkEdit<'_> {
    /// Runs the next step.
    pub(super) async fn run(self) -> PageResult {
        let name = self.submission.text(FIELD);
        let Some(field) = fields(self.model).find(|field| field.name == name) else {
            return self.ask_field();
        };
        if !self.submission.has(HAS_VALUE) || self.submission.has(FIND) {
            return self.ask_value(field, Vec::new(), None).await;
        }
        let expected = self.submission.text(COUNT).parse().ok();
        let expected = expected.filter(|_: &usize| !self.submission.is_cancelled);
        let access = self.staff.registry().access(self.model);
        if expected.is_some()
            && access.is_some_and(|rules| rules.sensitive_fields.contains(&field.name))
            && let Some(page) = self.staff.require_reauth(self.submission).await?
        {
            return Ok(page);
        }
        let definition = self.definition();
        let values = definition.form_values(self.submission);
        let values = values.list(field.name).to_vec();
        let (model, ids, stored) = (self.model, self.ids.clone(), values.clone());
        let change = self.staff.db.run_long(move |conn| {
            let editor = &definition.editor;
            let label = display_text(conn, editor.registry, model, field, &stored)?;
            let change = |conn: &mut DbConnection| {
                change_all(conn, editor, model, &ids, (field.name, &stored), expected)
            };
            match conn.write(change) {
                Err(Unchanged::Database(error)) => Err(error.into()),
                outcome => Ok((label, outcome)),
            }
        });
        match change.await? {
            (_, Ok(count)) => {
                let text = format!("Changed {}.", counted(model, count));
                self.staff.session.add(Message::new("success", text));
                Ok(see_other(self.back))
            }
            (label, Err(Unchanged::Question(count, of))) => {
                let notice = expected.map(|_| CHANGED.to_owned());
                self.ask(field, &values, &label, (count, of), notice)
            }
            (_, Err(Unchanged::Invalid(title, errors))) => {
                let other = errors.iter().find(|error| error.field != field.name);
                let notice = other.map(|error| {
                    format!(
                        "Nothing was changed. {} “{title}”: {error}",
                        capitalized(model.singular)
                    )
                });
                self.ask_value(field, errors, notice).await
            }
            (_, Err(Unchanged::Database(error))) => Err(error.into()),
        }
    }

    fn definition(&self) -> FormDefinition {
        FormDefinition {
            editor: self.staff.editor(),
            resource: self.model,
            inlines: Vec::new(),
        }
    }

    fn ask_field(&self) -> PageResult {
        let option = |(value, label): (&str, &str)| ChoiceView {
            value: value.to_owned(),
            label: label.to_owned(),
            selected: false,
            other: false,
        };
        let choices = fields(self.model).map(|field| (field.name, field.label));
        let choices = [("", "Choose one")].into_iter().chain(choices);
        let select = FieldView {
            required: true,
            options: choices.map(option).collect(),
            ..FieldView::new(FIELD, "Field", "select")
        };
        let page = self.page(vec![vec![select].into()], Some("Continue"));
        self.show(StatusCode::OK, Vec::new(), page)
    }

    async fn ask_value(
        &self,
        field: &'static Field,
        errors: Vec<FieldError>,
        notice: Option<String>,
    ) -> PageResult {
        let (definition, submission) = (self.definition(), self.submission.clone());
        let state = self
            .staff
            .db
            .read(move |conn| Ok(FormState::submitted(conn, definition, None, &submission)?));
        let state = state.await?;
        let sections = FormRenderer {
            state: &state,
            errors: &errors,
            search_href: &search_path(self.model, None),
            read_only: false,
        }
        .sections();
        let mut views = sections.into_iter().flat_map(|section| section.fields);
        let view = views.find(|view| view.name == field.name);
        let sections: Vec<Section> = view.map(|view| vec![view].into()).into_iter().collect();
        let status = if errors.is_empty() {
            StatusCode::OK
        } else {
            StatusCode::UNPROCESSABLE_ENTITY
        };
        let page = BulkEditPage {
            notice,
            error_summary: ErrorSummary::new(&sections),
            ..self.page(sections, Some("Continue"))
        };
        self.show(status, vec![(FIELD, field.name), (HAS_VALUE, "1")], page)
    }

    fn ask(
        &self,
        field: &Field,
        values: &[String],
        label: &str,
        (count, of): (usize, usize),
        notice: Option<String>,
    ) -> PageResult {
        let label = if label.is_empty() { "(empty)" } else { label };
        let mut question = vec![
            format!("{}: {label}", field.label),
            format!("{} will be changed.", counted(self.model, count)),
        ];
        if of > count {
            let same = counted(self.model, of - count);
            question.push(format!("{same} already with this value."));
        }
        let page = BulkEditPage {
            notice,
            question,
            ..self.page(Vec::new(), (count > 0).then_some("Yes, change"))
        };
        let count = count.to_string();
        let mut hidden = vec![(FIELD, field.name), (HAS_VALUE, "1"), (COUNT, &*count)];
        hidden.extend(values.iter().map(|value| (field.name, value.as_str())));
        self.show(StatusCode::OK, hidden, page)
    }

    fn page(&self, sections: Vec<Section>, button: Option<&'static str>) -> BulkEditPage {
        BulkEditPage {
            notice: None,
            error_summary: None,
            sections,
            question: Vec::new(),
            hidden: Vec::new(),
            button,
            back_href: self.back.to_owned(),
        }
    }

    fn show(
        &self,
        status: StatusCode,
        hidden: Vec<(&str, &str)>,
        page: BulkEditPage,
    ) -> PageResult {
        let hidden = hidden
            .into_iter()
            .map(|(name, value)| Hidden::new(name, value));
        let heading = format!("Edit {}", counted(self.model, self.ids.len()));
        let page = BulkEditPage {
            hidden: self.hidden.iter().cloned().chain(hidden).collect(),
            ..page
        };
        let breadcrumbs = self.staff.resource_trail(self.model, "Edit");
        self.staff.page(status, &heading, breadcrumbs, page)
    }
}

/// Sets a field of all objects, and records it as one change set. Unless as many objects as expected are changed, it
/// returns an error, which rolls back. Requires a transaction.
fn change_all(
    conn: &mut DbConnection,
    editor: &Editor,
    model: &Resource,
    ids: &[i64],
    (name, values): (&str, &[String]),
    expected: Option<usize>,
) -> Result<usize, Unchanged> {
    raise_statement_timeout(conn)?;
    if ids.len() > CHUNK {
        lock_all(conn, &model.key())?;
    } else {
        let key = model.key();
        ids.iter().try_for_each(|id| lock(conn, &key, *id))?;
    }
    let mut change_set = ChangeSet::new(expected.unwrap_or(ids.len()));
    let (mut changed, mut found) = (0, 0);
    for ids in ids.chunks(CHUNK) {
        for record in (model.load_all)(conn, ids)? {
            found += 1;
            let new = record.values.clone().with_list(name, values.to_vec());
            match save_changed(conn, editor, model, Some(&record), &new, &mut change_set) {
                Ok(saved) => changed += usize::from(saved.values != record.values),
                Err(SaveError::Invalid(errors)) => {
                    return Err(Unchanged::Invalid(record.title, errors));
                }
                Err(SaveError::Missing) => return Err(DatabaseError::NotFound.into()),
                Err(SaveError::Database(error)) => return Err(error.into()),
            }
        }
    }
    if expected == Some(changed) && changed > 0 {
        Ok(changed)
    } else {
        Err(Unchanged::Question(changed, found))
    }
}
