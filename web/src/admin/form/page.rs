//! The page of one row: its form, or what of it may be looked at.

use accounts::Verb;
use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use oc_core::admin::{Record, Resource};
use oc_core::validation::FieldError;
use serde::Serialize;

use crate::admin::auth::current_user::CurrentUser;
use crate::admin::auth::denied::{DeniedGrant, denied_fields};
use crate::admin::form::conflict;
use crate::admin::form::render::FormRenderer;
use crate::admin::form::state::FormState;
use crate::admin::list::query::{with_filters, with_query};
use crate::admin::registry::{self, capitalized, list_path};
use crate::admin::ui::field::{ErrorSummary, FieldView, Hidden, Section};
use crate::admin::ui::form_data::Submission;
use crate::admin::ui::popup;
use crate::admin::ui::request::{AdminRequest, Breadcrumb};
use crate::error::PageError;
use crate::pages::Page;

/// The field that says how the row was when the form was opened.
pub(crate) const VERSION: &str = "_version";

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
    /// Whether «Close» is a button.
    closes: bool,
    conflict: Option<conflict::ConflictView>,
}

impl Page for FormPage {
    const TEMPLATE: &'static str = "admin/form.html";
}

/// What is said above the form of an account that whoever sees it cannot take over.
const HIGHER_PRIVILEGES: &str = "This user has permissions that you don't have. You can change names, email address and dates, but not \
                      username, password, status, groups or permissions.";

/// How a form can be sent.
const BUTTONS: [Button; 3] = [
    Button {
        name: "_save",
        label: "Save",
        primary: true,
    },
    Button {
        name: "_addanother",
        label: "Save and add another",
        primary: false,
    },
    Button {
        name: "_continue",
        label: "Save and continue editing",
        primary: false,
    },
];

#[derive(Clone, Copy, Serialize)]
struct Button {
    name: &'static str,
    label: &'static str,
    primary: bool,
}

/// What a form is shown with beside what it needs from the database.
#[derive(Default)]
pub(crate) struct FormDisplay<'a> {
    pub(crate) errors: &'a [FieldError],
    /// A word on it that concerns no field.
    pub(crate) notice: Option<&'static str>,
    pub(crate) conflict: Option<conflict::ConflictView>,
    /// What was sent, if this is not the first time that the form is shown.
    pub(crate) sent: Submission,
    /// Whether the form still is of the version that was sent.
    pub(crate) keeps_version: bool,
}

/// Where a script searches for choices; the field comes last.
fn search_path(model: &Resource, object: Option<&Record>) -> String {
    let row = object.map_or_else(String::new, |object| format!("&row={}", object.id));
    let (app, name) = (model.app, model.name);
    format!("/admin/autocomplete/?app_label={app}&model_name={name}{row}")
}

/// What of an account has pages of its own: of the password nothing is shown.
fn account_links(id: i64, is_superuser: bool, filters: &str) -> Vec<FieldView> {
    let link = |name: &str, label: &str, text: &str| FieldView {
        id: format!("id_{name}"),
        name: name.to_owned(),
        label: label.to_owned(),
        kind: "link",
        value: text.to_owned(),
        href: Some(with_filters(
            format!("/admin/auth/user/{id}/{name}/"),
            filters,
        )),
        ..FieldView::default()
    };
    let mut links = vec![
        link("password", "Password", "Reset password"),
        link("sessions", "Sessions", "Manage sessions"),
    ];
    if is_superuser {
        let text = "Manage two-factor authentication";
        links.push(link("two_factor", "Two-factor authentication", text));
    }
    links
}

/// The page with a row's form.
pub(crate) fn show(
    request: &AdminRequest,
    user: &CurrentUser,
    status: StatusCode,
    opened: &FormState,
    form: FormDisplay<'_>,
) -> Result<HttpResponse, PageError> {
    let FormDisplay {
        errors,
        notice,
        conflict,
        sent,
        keeps_version,
    } = form;
    let (model, object) = (opened.layout.model, opened.object.as_ref());
    let may = |verb| user.rights.may(verb, model.app, model.name);
    let read_only = object.is_some() && !may(Verb::Change);
    let mut sections = FormRenderer {
        layout: &opened.layout,
        values: &opened.values,
        stored: object.map(|_| &opened.stored),
        choices: &opened.choices,
        errors,
        rights: &user.rights,
        search_href: &search_path(model, object),
        form_href: &request.target(),
        read_only,
    }
    .sections();
    if let Some((section, object)) = sections.first_mut().zip(object)
        && (model.app, model.name) == ("auth", "user")
        && !read_only
        && !opened.is_beyond
    {
        let links = account_links(object.id, user.user.is_superuser, &request.filters());
        section.fields.splice(1..1, links);
    }
    let word = match object {
        None => "Add",
        Some(_) if read_only => "View",
        Some(_) => "Change",
    };
    let heading = format!("{word} {}", model.singular);
    let is_popup = popup::is_popup(request);
    let mut buttons = BUTTONS.to_vec();
    buttons.retain(|button| {
        !read_only
            && conflict.is_none()
            && (button.name == "_save" || !is_popup)
            && (button.name != "_addanother" || registry::may_add(&user.rights, model))
    });
    let list = list_path(model);
    let filters = request.filters();
    let row = |page: &str| object.map(|object| format!("{list}{}/{page}/", object.id));
    let version = object.filter(|_| !read_only).map(|_| {
        if keeps_version && sent.has(VERSION) {
            sent.text(VERSION).to_owned()
        } else {
            opened.layout.version(&opened.stored)
        }
    });
    let version = version.map(|value| Hidden {
        name: VERSION.to_owned(),
        value,
    });
    let way = popup::ReturnLink::of(request, &sent, model);
    let page = FormPage {
        notice: notice.or(opened.is_beyond.then_some(HIGHER_PRIVILEGES)),
        subtitle: object.map(|object| object.title.clone()),
        error_summary: ErrorSummary::of(&sections),
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
            .or_else(|| (read_only && !way.closes).then(|| with_query(&list, &filters))),
        closes: way.closes,
        conflict,
        heading: heading.clone(),
    };
    let plural = capitalized(model.plural);
    let step = registry::may_view(&user.rights, model).then_some((plural.as_str(), list.as_str()));
    let crumbs = Breadcrumb::trail(
        step.as_slice(),
        object.map_or(&heading, |object| &object.title),
    );
    let mut response = request.page(status, Some(user), &heading, crumbs, page)?;
    DeniedGrant::attach(&mut response, denied_fields(errors));
    Ok(response)
}
