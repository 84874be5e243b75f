//! The add and change pages.

use accounts::Verb;
use accounts::admin::AccountPage;
use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use oc_core::admin::{Record, Resource};
use oc_core::validation::FieldError;
use oc_http::{Page, PageError};
use serde::Serialize;

use crate::auth::current_user::CurrentUser;
use crate::auth::denied::{DeniedGrant, denied_fields};
use crate::auth::request::AdminRequest;
use crate::form::conflict::ConflictView;
use crate::form::definition::VERSION;
use crate::form::popup;
use crate::form::render::FormRenderer;
use crate::form::state::FormState;
use crate::registry::may_view;
use crate::ui::field::{Button, ErrorSummary, FieldView, Hidden, SAVE_BUTTONS, Section};
use crate::ui::layout::Breadcrumb;
use crate::ui::links::{capitalized, list_path, with_filters, with_query};
use crate::ui::submission::Submission;

#[derive(Serialize)]
struct FormPage {
    heading: String,
    notice: Option<&'static str>,
    subtitle: Option<String>,
    error_summary: Option<ErrorSummary>,
    action: String,
    hidden: Vec<Hidden>,
    /// Whether there is a button before «Save» that does something else.
    has_other_buttons: bool,
    sections: Vec<Section>,
    buttons: Vec<Button>,
    history_href: Option<String>,
    delete_href: Option<String>,
    view_site_href: Option<String>,
    close_href: Option<String>,
    conflict: Option<ConflictView>,
}

impl Page for FormPage {
    const TEMPLATE: &'static str = "admin/form.html";
}

/// What is said above the form of an account that whoever sees it cannot take over.
const HIGHER_PRIVILEGES: &str = "This user has permissions that you don't have. You can change names, email address and dates, but not \
                      username, password, status, groups or permissions.";

/// A form to show.
pub(crate) struct FormDisplay {
    pub(crate) state: FormState,
    pub(crate) errors: Vec<FieldError>,
    /// A message about the form as a whole.
    pub(crate) notice: Option<&'static str>,
    pub(crate) conflict: Option<ConflictView>,
    /// What was submitted, if this is not the first time that the form is shown.
    pub(crate) submission: Submission,
    /// Whether the form keeps the version that was submitted.
    pub(crate) keeps_version: bool,
}

impl FormDisplay {
    pub(crate) fn new(state: FormState, submission: Submission) -> Self {
        Self {
            state,
            errors: Vec::new(),
            notice: None,
            conflict: None,
            submission,
            keeps_version: false,
        }
    }

    pub(crate) fn keeping_version(self) -> Self {
        Self {
            keeps_version: true,
            ..self
        }
    }

    pub(crate) fn status(&self) -> StatusCode {
        if self.conflict.is_some() {
            StatusCode::CONFLICT
        } else if self.errors.is_empty() {
            StatusCode::OK
        } else {
            StatusCode::UNPROCESSABLE_ENTITY
        }
    }
}

/// Where a script searches for choices; the field comes last.
fn search_path(model: &Resource, object: Option<&Record>) -> String {
    let row = object.map_or_else(String::new, |object| format!("&row={}", object.id));
    let (app, name) = (model.app, model.name);
    format!("/admin/autocomplete/?app_label={app}&model_name={name}{row}")
}

/// Links to the pages of an account besides its form.
fn account_links(
    resource: &Resource,
    pages: &[AccountPage],
    id: i64,
    filters: &str,
) -> Vec<FieldView> {
    let link = |page: &AccountPage| FieldView {
        id: format!("id_{}", page.name),
        name: page.name.to_owned(),
        label: page.label.to_owned(),
        kind: "link",
        value: page.link.to_owned(),
        href: Some(with_filters(
            format!("{}{id}/{}/", list_path(resource), page.name),
            filters,
        )),
        ..FieldView::default()
    };
    pages.iter().map(link).collect()
}

impl FormDisplay {
    /// Renders the page.
    pub(crate) fn show(
        self,
        request: &AdminRequest,
        user: &CurrentUser,
        status: StatusCode,
    ) -> Result<HttpResponse, PageError> {
        let Self {
            state,
            errors,
            notice,
            conflict,
            submission,
            keeps_version,
        } = self;
        let (model, object) = (state.definition.resource, state.record.as_ref());
        let may = |verb| user.rights.may(verb, model.app, model.name);
        let read_only = object.is_some() && !may(Verb::Change);
        let mut sections = FormRenderer {
            definition: &state.definition,
            values: &state.values,
            stored: object.map(|_| &state.stored),
            choices: &state.choices,
            errors: &errors,
            rights: &user.rights,
            search_href: &search_path(model, object),
            registry: request.registry(),
            read_only,
        }
        .sections();
        if let Some((section, object)) = sections.first_mut().zip(object)
            && let Some(rules) = request.registry().access(model)
            && !read_only
            && !state.has_higher_privileges
        {
            let pages = rules.pages.iter().copied();
            let pages: Vec<AccountPage> = pages
                .filter(|page| user.user.is_superuser || !page.superusers_only)
                .collect();
            let links = account_links(model, &pages, object.id, &request.filters());
            section.fields.splice(1..1, links);
        }
        let word = match object {
            None => "Add",
            Some(_) if read_only => "View",
            Some(_) => "Change",
        };
        let heading = format!("{word} {}", model.singular);
        let is_popup = popup::is_popup(request);
        let mut buttons = SAVE_BUTTONS.to_vec();
        buttons.retain(|button| {
            !read_only
                && conflict.is_none()
                && (button.name == "_save" || !is_popup)
                && (button.name != "_addanother" || request.registry().may_add(&user.rights, model))
        });
        let list = list_path(model);
        let filters = request.filters();
        let row = |page: &str| object.map(|object| format!("{list}{}/{page}/", object.id));
        let version = object.filter(|_| !read_only).map(|_| {
            if keeps_version && submission.has(VERSION) {
                submission.text(VERSION).to_owned()
            } else {
                state.definition.version(&state.stored)
            }
        });
        let version = version.map(|value| Hidden {
            name: VERSION.to_owned(),
            value,
        });
        let way = popup::return_link(request, &submission, model);
        let page = FormPage {
            notice: notice.or(state.has_higher_privileges.then_some(HIGHER_PRIVILEGES)),
            subtitle: object.map(|object| object.title.clone()),
            error_summary: ErrorSummary::new(&sections),
            action: request.target(),
            hidden: version.into_iter().chain(way.hidden).collect(),
            has_other_buttons: sections
                .iter()
                .flat_map(|section| &section.fields)
                .any(|field| field.search.is_some() || field.related.is_some()),
            sections,
            buttons,
            history_href: row("history")
                .map(|href| with_filters(href, &filters))
                .filter(|_| !is_popup),
            delete_href: row("delete")
                .map(|href| with_filters(href, &filters))
                .filter(|_| may(Verb::Delete) && !is_popup),
            view_site_href: object.and_then(|object| model.public_path.map(|path| path(object))),
            close_href: way
                .close_href
                .or_else(|| read_only.then(|| with_query(&list, &filters))),
            conflict,
            heading: heading.clone(),
        };
        let plural = capitalized(model.plural);
        let step = may_view(&user.rights, model).then_some((plural.as_str(), list.as_str()));
        let crumbs = Breadcrumb::trail(
            step.as_slice(),
            object.map_or(&heading, |object| &object.title),
        );
        let mut response = request.page(status, Some(user), &heading, crumbs, page)?;
        DeniedGrant::attach(&mut response, denied_fields(&errors));
        Ok(response)
    }
}
