//! Pop-up windows to add or change an object that a form refers to. Without script they are plain pages that lead back
//! to the form.

use actix_web::HttpResponse;
use actix_web::http::{StatusCode, header};
use oc_core::admin::{Field, FieldKind, Record, Resource};
use oc_http::{Page, PageError};
use serde::Serialize;

use crate::auth::request::AdminRequest;
use crate::auth::staff_request::StaffRequest;
use crate::form::definition::VERSION;
use crate::registry::Registry;
use crate::ui::field::{Hidden, ReturnLink};
use crate::ui::links::{capitalized, change_path, list_path, see_other};
use crate::ui::submission::Submission;

/// The field with the address of the form that the pop-up was opened from.
pub(crate) const BACK: &str = "_back";

/// The last page of a pop-up: its data tell the script what to choose.
#[derive(Serialize)]
struct PopupPage {
    heading: String,
    text: String,
    action: &'static str,
    value: String,
    label: String,
    back_href: String,
}

impl Page for PopupPage {
    const TEMPLATE: &'static str = "admin/popup.html";
}

/// Whether a page is shown in a pop-up, or would be with script.
pub(crate) fn is_popup(request: &AdminRequest) -> bool {
    request.query().has("_popup")
}

/// The address of the form that a pop-up was opened from: from its own form, its query or the Referer header.
pub(crate) fn back(request: &AdminRequest, sent: &Submission, model: &Resource) -> Option<String> {
    let referrer = request.http.headers().get(header::REFERER);
    let query = request.query();
    let from = match (sent.text(BACK), query.text(BACK)) {
        ("", "") => path_of(referrer?.to_str().ok()?)?,
        ("", back) | (back, _) => back,
    };
    field_for(request.registry(), from, model).map(|_| from.to_owned())
}

/// The way back from this page; none from a page that was not opened from a form.
pub(crate) fn return_link(
    request: &AdminRequest,
    submission: &Submission,
    resource: &Resource,
) -> ReturnLink {
    let Some(back) = back(request, submission, resource).filter(|_| is_popup(request)) else {
        return ReturnLink::default();
    };
    ReturnLink {
        hidden: vec![Hidden {
            name: BACK.to_owned(),
            value: back.clone(),
        }],
        close_href: Some(back),
    }
}

/// Redirects to the form of a new object, in the same window.
pub(crate) fn continue_editing(
    request: &AdminRequest,
    resource: &Resource,
    record: &Record,
    submission: &Submission,
) -> HttpResponse {
    let page = change_path(resource, record.id);
    if !is_popup(request) {
        return see_other(&page);
    }
    let mut query = request.query();
    if let Some(back) = back(request, submission, resource) {
        query = query.with(BACK, &back);
    }
    see_other(&format!("{page}?{}", query.to_text()))
}

fn has_script(request: &AdminRequest) -> bool {
    request.query().has("_window")
}

/// Ends a pop-up after a save: the script closes it and chooses the object; without script the user returns to the form
/// with the object chosen.
pub(crate) async fn finish_popup(
    staff: &StaffRequest,
    resource: &Resource,
    record: &Record,
    submission: &Submission,
    text: String,
) -> Result<HttpResponse, PageError> {
    let registry = staff.registry();
    let back = back(staff, submission, resource);
    if let Some(back) = back.as_ref().filter(|_| !has_script(staff)) {
        let form = address_with_choice(registry, back, resource, record.id);
        return Ok(staff.succeed(text, &form));
    }
    // The label of the choice may be longer than the title.
    let id = record.id;
    let label = match back.and_then(|back| field_for(registry, &back, resource)) {
        None => None,
        Some((owner, field)) => {
            let label = staff
                .db
                .read(move |conn| Ok(registry.labels(conn, owner, field, &[id.to_string()])?));
            label.await?.into_iter().next().map(|choice| choice.label)
        }
    };
    let heading = capitalized(resource.singular);
    let page = PopupPage {
        heading: heading.clone(),
        text,
        action: if submission.has(VERSION) {
            "change"
        } else {
            "add"
        },
        value: id.to_string(),
        label: label.unwrap_or_else(|| record.title.clone()),
        back_href: list_path(resource),
    };
    let breadcrumbs = staff.resource_trail(resource, &record.title);
    staff.page(StatusCode::OK, &heading, breadcrumbs, page)
}

/// The address of a form with an object chosen.
fn address_with_choice(registry: Registry, back: &str, model: &Resource, id: i64) -> String {
    let Some((_, field)) = field_for(registry, back, model) else {
        return back.to_owned();
    };
    let (path, query) = back.split_once('?').unwrap_or((back, ""));
    let kept = form_urlencoded::parse(query.as_bytes()).filter(|(name, _)| name != field.name);
    let query = form_urlencoded::Serializer::new(String::new())
        .extend_pairs(kept)
        .append_pair(field.name, &id.to_string())
        .finish();
    format!("{path}?{query}")
}

/// The resource of the form at an address, and its field that refers to the other resource.
fn field_for(
    registry: Registry,
    address: &str,
    model: &Resource,
) -> Option<(&'static Resource, &'static Field)> {
    let path = address.split(['?', '#']).next().unwrap_or_default();
    let steps: Vec<&str> = path.split('/').collect();
    let owner = match steps.as_slice() {
        ["", "admin", app, name, "add", ""] => registry.find(app, name),
        ["", "admin", app, name, id, "change", ""] if id.parse::<i64>().is_ok() => {
            registry.find(app, name)
        }
        _ => None,
    }?;
    let of = (model.app, model.name);
    let mut fields = owner.fields.iter();
    let field = fields.find(|field| {
        [
            FieldKind::Choice { of: Some(of) },
            FieldKind::Related(of.0, of.1),
        ]
        .contains(&field.kind)
    })?;
    Some((owner, field))
}

/// Path and query of a URL.
fn path_of(url: &str) -> Option<&str> {
    let (_, rest) = url.split_once("://")?;
    rest.find('/').map(|slash| &rest[slash..])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry::fixtures::{AUTHOR, REGISTRY};

    #[test]
    fn a_pop_up_returns_only_to_forms_with_a_matching_choice() {
        let field = |path: &str| field_for(REGISTRY, path, &AUTHOR).map(|(_, field)| field.name);

        assert_eq!(field("/admin/library/book/add/"), Some("author"));
        assert_eq!(field("/admin/library/book/7/change/?x=1"), Some("author"));
        for path in [
            "/admin/library/author/add/",
            "/admin/library/book/x/change/",
            "/admin/library/book/",
            "//evil.example/admin/library/book/add/",
            "https://evil.example/",
        ] {
            assert_eq!(field(path), None, "{path}");
        }
    }

    #[test]
    fn the_new_object_is_chosen_in_the_form() {
        assert_eq!(
            address_with_choice(
                REGISTRY,
                "/admin/library/book/add/?author=1&q=a+b",
                &AUTHOR,
                7
            ),
            "/admin/library/book/add/?q=a+b&author=7"
        );
        assert_eq!(path_of("http://localhost:1/a?b"), Some("/a?b"));
    }
}
