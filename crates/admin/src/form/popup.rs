//! Pop-up windows to add or change an object that a form refers to. Without script, the links open plain pages.

use actix_web::http::StatusCode;
use oc_core::admin::{FieldKind, Record, Resource};
use oc_http::{Page, PageResult};
use serde::Serialize;

use crate::auth::request::AdminRequest;
use crate::auth::staff_request::StaffRequest;
use crate::form::definition::VERSION;
use crate::ui::links::{capitalized, list_path};
use crate::ui::submission::Submission;

/// The last page of a pop-up: its data tell the script what to choose.
#[derive(Serialize)]
struct PopupPage {
    text: String,
    action: &'static str,
    value: String,
    label: String,
    back_href: String,
}

impl Page for PopupPage {
    const TEMPLATE: &'static str = "admin/popup.html";
}

/// Whether the script opened this page in a window of its own.
pub(crate) fn is_popup(request: &AdminRequest) -> bool {
    request.query().has("_window")
}

/// Ends a pop-up after a save: the script closes it and chooses the object.
pub(crate) async fn finish_popup(
    staff: &StaffRequest,
    resource: &Resource,
    record: &Record,
    submission: &Submission,
    text: String,
) -> PageResult {
    // The label of the choice may be longer than the title.
    let registry = staff.registry();
    let of = Some((resource.app, resource.name));
    let fields = registry.all().flat_map(|owner| {
        let fields = owner.fields.iter();
        fields.map(move |field| (owner, field))
    });
    let mut choices = fields.filter(|(_, field)| field.kind == FieldKind::Choice { of });
    let (choice, value) = (choices.next(), record.id.to_string());
    let values = [value.clone()];
    let labels = staff.read(move |conn| match choice {
        Some((owner, field)) => registry.labels(conn, owner, field, &values),
        None => Ok(Vec::new()),
    });
    let label = labels.await?.into_iter().next().map(|choice| choice.label);
    let page = PopupPage {
        text,
        action: if submission.has(VERSION) {
            "change"
        } else {
            "add"
        },
        value,
        label: label.unwrap_or_else(|| record.title.clone()),
        back_href: list_path(resource),
    };
    let breadcrumbs = staff.resource_trail(resource, &record.title);
    staff.page(
        StatusCode::OK,
        &capitalized(resource.singular),
        breadcrumbs,
        page,
    )
}
