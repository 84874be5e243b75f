//! Setting fields of the selected objects.

use std::fmt::Display;

use actix_web::http::StatusCode;
use audit::ChangeSet;
use oc_core::DbConnection;
use oc_core::admin::{Field, FormValues, Resource, SaveError};
use oc_core::locks::{lock, lock_all};
use oc_core::validation::FieldError;
use oc_http::{Page, PageError, PageResult};
use serde::Serialize;

use crate::audit_log::snapshot::display_text;
use crate::auth::request::Rollback;
use crate::auth::staff_request::StaffRequest;
use crate::columns::CHUNK;
use crate::form::definition::FormDefinition;
use crate::form::state::FormState;
use crate::ui::field::{ErrorSummary, FieldView, Hidden};
use crate::ui::links::{capitalized, counted};
use crate::ui::submission::Submission;

pub(super) const MAX_EDITED: i64 = 10_000;

pub(super) const ACTION: &str = "edit_selected";

/// The button that sets a field; its value is the field.
const FIELD: &str = "_field";
/// The number of objects that the question was about.
const COUNT: &str = "_count";

const CHANGED: &str =
    "The selected items have changed since you checked. Nothing has been saved. Check again.";

#[derive(Default, Serialize)]
struct BulkEditPage {
    notice: Option<String>,
    error_summary: Option<ErrorSummary>,
    fields: Vec<FieldView>,
    question: Vec<String>,
    /// Whether there is something to change.
    may_confirm: bool,
    hidden: Vec<Hidden>,
    back_href: String,
}

impl Page for BulkEditPage {
    const TEMPLATE: &'static str = "admin/bulk_edit.html";
}

/// Why nothing was changed.
pub(super) enum NotSaved {
    /// This many of so many objects would be changed, which was not confirmed.
    Unconfirmed(usize, usize),
    /// The object with this title would be invalid.
    Invalid(String, Vec<FieldError>),
}

pub(super) fn fields(model: &'static Resource) -> impl Iterator<Item = &'static Field> {
    model.fields.iter().filter(|field| field.bulk_edit)
}

/// The selected objects of a list, and the form with the action on them.
pub(super) struct Selection {
    pub(super) staff: StaffRequest,
    pub(super) model: &'static Resource,
    pub(super) ids: Vec<i64>,
    pub(super) submission: Submission,
    /// The address of the list.
    pub(super) back: String,
}

impl Selection {
    /// The hidden fields with the action and the ids.
    pub(super) fn hidden(&self) -> Vec<Hidden> {
        // The ids are one field, because a form has at most a thousand fields.
        let ids: Vec<String> = self.ids.iter().map(ToString::to_string).collect();
        vec![
            Hidden::new("action", self.submission.text("action")),
            Hidden::new("_selected_action", ids.join(",")),
        ]
    }

    /// Asks for a field and its value, then for a confirmation, then changes the objects.
    pub(super) async fn edit(&self) -> PageResult {
        let (staff, model) = (&self.staff, self.model);
        let name = self.submission.text(FIELD);
        let Some(field) = fields(model).find(|field| field.name == name) else {
            return self.ask_value(Vec::new(), None).await;
        };
        let confirmed = self.submission.text(COUNT).parse().ok();
        let confirmed = confirmed.filter(|_: &usize| !self.submission.is_cancelled);
        let access = staff.registry().access(model);
        if confirmed.is_some()
            && access.is_some_and(|rules| rules.sensitive_fields.contains(&field.name))
        {
            staff.require_reauth(&self.submission).await?;
        }
        let values = self.definition().form_values(&self.submission);
        let values = values.list(field.name).to_vec();
        let new = FormValues::default().with_list(field.name, values.clone());
        let change_set = ChangeSet::new(confirmed.unwrap_or_default());
        let is_confirmed = move |changed| confirmed == Some(changed);
        match self.set_values(new, change_set, is_confirmed).await? {
            Ok(count) => {
                let text = format!("Changed {}.", counted(model, count));
                Ok(staff.succeed(text, &self.back))
            }
            Err(NotSaved::Unconfirmed(count, of)) => {
                let notice = confirmed.map(|_| CHANGED.to_owned());
                self.ask_confirmation(field, values, (count, of), notice)
                    .await
            }
            Err(NotSaved::Invalid(title, errors)) => {
                let other = errors.iter().find(|error| error.field != field.name);
                let notice = other.map(|error| invalid_notice(model, &title, error));
                self.ask_value(errors, notice).await
            }
        }
    }

    fn definition(&self) -> FormDefinition {
        FormDefinition {
            inlines: Vec::new(),
            ..FormDefinition::new(self.staff.editor(), self.model, None)
        }
    }

    /// The page with all fields, each with a button that sets it.
    async fn ask_value(&self, errors: Vec<FieldError>, notice: Option<String>) -> PageResult {
        let (definition, submission) = (self.definition(), self.submission.clone());
        let state = self
            .staff
            .read(move |conn| {
                FormState::from_submission(conn, definition, &submission, errors.into())
            })
            .await?;
        let sections = state.sections.into_iter();
        let views = sections.flat_map(|section| section.fields);
        let is_offered = |view: &FieldView| fields(self.model).any(|field| field.name == view.name);
        let views: Vec<FieldView> = views.filter(is_offered).collect();
        let page = BulkEditPage {
            notice,
            error_summary: ErrorSummary::for_fields(views.iter()),
            fields: views,
            hidden: self.hidden(),
            ..BulkEditPage::default()
        };
        self.show(state.feedback.status(), page)
    }

    async fn ask_confirmation(
        &self,
        field: &'static Field,
        values: Vec<String>,
        (count, of): (usize, usize),
        notice: Option<String>,
    ) -> PageResult {
        let (registry, model) = (self.staff.registry(), self.model);
        let mut hidden = self.hidden();
        hidden.push(Hidden::new(FIELD, field.name));
        hidden.push(Hidden::new(COUNT, count.to_string()));
        let value = |value: &String| Hidden::new(field.name, &**value);
        hidden.extend(values.iter().map(value));
        let label = self
            .staff
            .read(move |conn| display_text(conn, registry, model, field, &values));
        let label = Some(label.await?).filter(|label| !label.is_empty());
        let label = label.as_deref().unwrap_or("(empty)");
        let mut question = vec![
            format!("{}: {label}", field.label),
            format!("{} will be changed.", counted(model, count)),
        ];
        if of > count {
            let same = of - count;
            let verb = if same == 1 { "has" } else { "have" };
            let same = counted(model, same);
            question.push(format!("{same} already {verb} this value."));
        }
        let page = BulkEditPage {
            notice,
            question,
            may_confirm: count > 0,
            hidden,
            ..BulkEditPage::default()
        };
        self.show(StatusCode::OK, page)
    }

    fn show(&self, status: StatusCode, page: BulkEditPage) -> PageResult {
        let heading = format!("Edit {}", counted(self.model, self.ids.len()));
        let back_href = self.back.clone();
        let page = BulkEditPage { back_href, ..page };
        let breadcrumbs = self.staff.resource_trail(self.model, "Edit");
        self.staff.page(status, &heading, breadcrumbs, page)
    }

    /// Sets fields in one transaction and returns how many objects changed. Rolls back if none did or `is_confirmed` rejects
    /// the number.
    pub(super) async fn set_values(
        &self,
        values: FormValues,
        mut change_set: ChangeSet,
        is_confirmed: impl Fn(usize) -> bool + Send + 'static,
    ) -> Result<Result<usize, NotSaved>, PageError> {
        let (editor, model, ids) = (self.staff.editor(), self.model, self.ids.clone());
        let change = move |conn: &mut DbConnection| {
            let key = model.key();
            if ids.len() > CHUNK {
                lock_all(conn, &key)?;
            } else {
                ids.iter().try_for_each(|id| lock(conn, &key, *id))?;
            }
            let (mut changed, mut found) = (0, 0);
            for ids in ids.chunks(CHUNK) {
                for record in (model.load_all)(conn, ids)? {
                    found += 1;
                    let new = values.with_defaults(record.values.clone());
                    match editor.save_object(conn, model, Some(&record), &new, &mut change_set) {
                        Ok(saved) => changed += usize::from(saved.values != record.values),
                        Err(SaveError::Invalid(errors)) => {
                            let reason = NotSaved::Invalid(record.title, errors);
                            return Err(Rollback::Rejected(reason));
                        }
                        Err(error) => return Err(error.into()),
                    }
                }
            }
            if changed > 0 && is_confirmed(changed) {
                Ok(changed)
            } else {
                Err(Rollback::Rejected(NotSaved::Unconfirmed(changed, found)))
            }
        };
        self.staff.try_write_long(change).await
    }
}

/// Says which object would be invalid, and why.
pub(super) fn invalid_notice(model: &Resource, title: &str, error: impl Display) -> String {
    let name = capitalized(model.singular);
    format!("Nothing was changed. {name} “{title}”: {error}")
}
