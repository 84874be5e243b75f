//! The add and change pages; they are shown again with what was typed if the database is busy or away.

use accounts::Verb;
use actix_web::ResponseError;
use actix_web::http::{StatusCode, header};
use oc_core::admin::{Field, Resource};
use oc_http::{Page, PageError, PageResult};
use serde::Serialize;

use crate::auth::csrf::random;
use crate::auth::denied::denied_fields;
use crate::auth::staff_request::StaffRequest;
use crate::form::conflict::ConflictView;
use crate::form::definition::{FORM_TOKEN, FormDefinition, VERSION};
use crate::form::state::{FormFeedback, FormState};
use crate::gallery::GalleryView;
use crate::ui::field::{
    Button, ErrorSummary, FieldView, Hidden, RESTORE, SAVE_AS_NEW, SAVE_BUTTONS, Section,
};
use crate::ui::links::{change_path, enumerated, list_path, with_filters, with_query};
use crate::ui::submission::Submission;

#[derive(Serialize)]
struct FormPage {
    notice: Option<&'static str>,
    question: Option<String>,
    subtitle: Option<String>,
    error_summary: Option<ErrorSummary>,
    action: String,
    hidden: Vec<Hidden>,
    sections: Vec<Section>,
    beside: Vec<FieldView>,
    buttons: Vec<Button>,
    history_href: Option<String>,
    delete_href: Option<String>,
    view_site_href: Option<String>,
    preview_href: Option<String>,
    advice: Option<String>,
    close_href: Option<String>,
    conflict: Option<Box<ConflictView>>,
    has_files: bool,
    gallery: Option<GalleryView>,
}

impl Page for FormPage {
    const TEMPLATE: &'static str = "admin/form.html";
}

/// The hidden field with the fields whose questions were answered.
pub(crate) const ANSWERED: &str = "_answered";

/// The hidden field with the id of the audit entry of an object that was deleted while its form was filled in.
pub(crate) const DELETED: &str = "_deleted";

/// Links to the pages of an account besides its form, as far as the user may open them.
fn account_links(staff: &StaffRequest, resource: &Resource, id: i64) -> Vec<FieldView> {
    let access = staff.registry().access(resource);
    if !access.is_some_and(|rules| rules.are_accounts) {
        return Vec::new();
    }
    let link = |name: &str, label: &str, text: &str| {
        let path = format!("{}{id}/{name}/", list_path(resource));
        FieldView {
            value: text.to_owned(),
            href: Some(with_filters(path, &staff.filters())),
            ..FieldView::new(name, label, "link")
        }
    };
    let mut links = vec![
        link("password", "Password", "Reset password"),
        link("sessions", "Sessions", "Manage sessions"),
    ];
    if staff.user.user.is_superuser {
        let label = "Two-factor authentication";
        let text = "Manage two-factor authentication";
        links.push(link("two_factor", label, text));
    }
    links
}

/// The buttons that save, as far as the permissions suffice. A pop-up has only one.
pub(crate) fn form_buttons(
    staff: &StaffRequest,
    resource: &Resource,
    is_stored: bool,
) -> Vec<Button> {
    let may_add = |resource| staff.user.may_add(resource);
    let mut inlines = resource.inlines.iter();
    let may_copy = is_stored
        && resource.save_as
        && may_add(resource)
        && inlines.all(|inline| may_add(inline.resource));
    let all = SAVE_BUTTONS.into_iter().chain([SAVE_AS_NEW]);
    all.filter(|button| match button.name {
        "_save" => true,
        _ if staff.is_popup() => false,
        "_addanother" => may_add(resource),
        "_continue" => staff.user.may_view(resource),
        "_saveasnew" => may_copy,
        _ => false,
    })
    .collect()
}

impl FormState {
    /// Whether the object was deleted while its form was filled in.
    fn is_deleted(&self) -> bool {
        self.record.is_none() && self.submission.has(DELETED)
    }

    fn hidden(&self) -> Vec<Hidden> {
        let submitted = |name| self.submission.text(name);
        let mut hidden = Vec::new();
        if self.record.is_some() && !self.definition.read_only {
            let value = match &self.feedback {
                FormFeedback::Conflict(conflict) => conflict.version.clone(),
                _ if self.submission.has(VERSION) => submitted(VERSION).to_owned(),
                _ => self.definition.version(&self.stored),
            };
            hidden.push(Hidden::new(VERSION, value));
        } else if self.is_deleted() {
            hidden.extend([DELETED, VERSION].map(|name| Hidden::new(name, submitted(name))));
        }
        let answered = self.submission.list(ANSWERED).into_iter();
        hidden.extend(answered.map(|field| Hidden::new(ANSWERED, field)));
        if let FormFeedback::Question(field, _) = self.feedback {
            hidden.push(Hidden::new(ANSWERED, field));
        }
        if self.record.is_none() || self.definition.resource.save_as {
            let token = match submitted(FORM_TOKEN) {
                "" => random(),
                token => token.to_owned(),
            };
            hidden.push(Hidden::new(FORM_TOKEN, token));
        }
        hidden
    }

    pub(crate) fn show(mut self, staff: &StaffRequest, status: StatusCode) -> PageResult {
        let mut sections = std::mem::take(&mut self.sections);
        let (resource, record) = (self.definition.resource, self.record.as_ref());
        let may = |verb| staff.user.may(verb, resource);
        let read_only = self.definition.read_only;
        if let Some((section, record)) = sections.first_mut().zip(record)
            && !read_only
            && !self.has_higher_privileges
        {
            let links = account_links(staff, resource, record.id);
            section.fields.splice(1..1, links);
        }
        let access = staff.registry().access(resource);
        let guarded_notice = access
            .filter(|_| self.has_higher_privileges)
            .map(|rules| rules.guarded_notice);
        let verb = match record {
            None => "Add",
            Some(_) if read_only => "View",
            Some(_) => "Change",
        };
        let heading = format!("{verb} {}", resource.singular);
        let is_popup = staff.is_popup();
        let mut buttons = Vec::new();
        let is_conflict = self.feedback.is_conflict();
        if !read_only && !is_conflict {
            buttons = form_buttons(staff, resource, record.is_some());
            buttons.extend((self.is_deleted() && may(Verb::Change)).then_some(RESTORE));
        }
        let (list, filters) = (list_path(resource), staff.filters());
        let path = record.map_or_else(
            || format!("{list}add/"),
            |record| change_path(resource, record.id),
        );
        let link = |page: &str| {
            let record = record.filter(|_| !is_popup)?;
            Some(with_filters(
                format!("{list}{}/{page}/", record.id),
                &filters,
            ))
        };
        let hidden = self.hidden();
        let gallery = self.gallery.filter(|_| !is_popup && !is_conflict);
        let fields = sections.iter().flat_map(|section| &section.fields);
        let fields = fields.chain(gallery.iter().flat_map(GalleryView::fields));
        let error_summary = ErrorSummary::for_fields(fields);
        let is_beside =
            |section: &mut Section| section.title.as_deref() == Some(Field::BESIDE_BUTTONS);
        let beside = sections
            .extract_if(.., is_beside)
            .flat_map(|section| section.fields)
            .collect();
        let public_page = resource.public_page;
        let view_site_href =
            public_page.and_then(|page| record.and_then(|record| (page.path)(record)));
        let missing: Vec<&str> = self.missing.iter().map(String::as_str).collect();
        staff.note_escalation(denied_fields(self.feedback.errors()));
        let (mut notice, mut question, mut conflict) = (guarded_notice, None, None);
        match self.feedback {
            FormFeedback::Notice(text) => notice = Some(text),
            FormFeedback::Question(_, text) => question = Some(text),
            FormFeedback::Conflict(view) => conflict = Some(view),
            FormFeedback::None | FormFeedback::Errors(_) => {}
        }
        let page = FormPage {
            question,
            notice,
            subtitle: record.map(|record| record.title.clone()),
            error_summary,
            has_files: resource.images.is_some(),
            gallery,
            beside,
            action: with_query(&path, staff.http.query_string()),
            hidden,
            sections,
            buttons,
            history_href: link("history"),
            delete_href: link("delete").filter(|_| may(Verb::Delete)),
            preview_href: link("preview").filter(|_| {
                view_site_href.is_none() && public_page.is_some_and(|page| page.has_preview)
            }),
            view_site_href,
            // What would help visitors of the public page.
            advice: (!missing.is_empty())
                .then(|| format!("To help visitors, add {}.", enumerated(&missing))),
            close_href: read_only.then(|| with_query(&list, &filters)),
            conflict,
        };
        let page_title = record.map_or(&heading, |record| &record.title);
        let breadcrumbs = staff.resource_trail(resource, page_title);
        staff.page(status, &heading, breadcrumbs, page)
    }
}

/// A submitted form again.
pub(crate) async fn redisplay(
    staff: &StaffRequest,
    definition: FormDefinition,
    submission: Submission,
    feedback: FormFeedback,
) -> PageResult {
    let status = feedback.status();
    let state =
        staff.read(move |conn| FormState::from_submission(conn, definition, &submission, feedback));
    state.await?.show(staff, status)
}

/// A page with a notice about a transient error, with the status of the error. Fails with the error if it is another one
/// or there is no page.
pub(crate) async fn with_notice(
    error: PageError,
    page: impl AsyncFnOnce(&'static str) -> PageResult,
) -> PageResult {
    let Some(notice) = notice(&error) else {
        return Err(error);
    };
    let Ok(mut response) = page(notice).await else {
        return Err(error);
    };
    // This logs the error.
    let bare = error.error_response();
    *response.status_mut() = bare.status();
    if let Some(when) = bare.headers().get(header::RETRY_AFTER) {
        response
            .headers_mut()
            .insert(header::RETRY_AFTER, when.clone());
    }
    Ok(response)
}

/// The notice above the form, if it can be submitted again.
fn notice(error: &PageError) -> Option<&'static str> {
    match error {
        PageError::Unavailable(_) | PageError::Overloaded => Some(
            "The database is busy. Your changes have not been saved. Try again in a few seconds.",
        ),
        PageError::WriteOutcomeUnknown(_) => Some(
            "The database did not respond in time. Your changes may have been saved, or may still be. Check before you \
             save again.",
        ),
        _ => None,
    }
}
