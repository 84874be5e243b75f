//! The confirmation page of a deletion.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use oc_core::admin::{Record, Resource};
use oc_http::{Page, PageError};
use serde::Serialize;

use crate::auth::staff_request::StaffRequest;
use crate::delete::cascade::Cascade;
use crate::ui::field::Hidden;
use crate::ui::links::{capitalized, counted, noun};

#[derive(Serialize)]
struct DeletePage {
    heading: String,
    counts: Vec<String>,
    groups: Vec<DeletedGroup>,
    blocked: Vec<String>,
    hidden: Vec<Hidden>,
    back_href: String,
}

impl Page for DeletePage {
    const TEMPLATE: &'static str = "admin/delete.html";
}

/// Objects of one resource that will be deleted.
#[derive(Serialize)]
struct DeletedGroup {
    label: String,
    objects: Vec<ObjectLink>,
    /// The number of objects that are not shown.
    more: Option<String>,
}

#[derive(Serialize)]
struct ObjectLink {
    title: String,
    href: Option<String>,
}

/// The most objects of a resource that are shown.
const MAX_OBJECTS: usize = 1_000;

/// The field with the fingerprint of the cascade.
pub(crate) const SHOWN: &str = "_shown";

/// The question whether to delete objects.
pub(crate) struct Question {
    /// Hidden fields of its form.
    pub(crate) hidden: Vec<Hidden>,
    /// Target of «No, go back».
    pub(crate) back_href: String,
}

/// Renders the page.
pub(crate) fn show(
    staff: &StaffRequest,
    cascade: &Cascade,
    Question {
        mut hidden,
        back_href,
    }: Question,
) -> Result<HttpResponse, PageError> {
    let model = cascade.model;
    let objects = match cascade.rows.len() {
        1 => model.singular.to_owned(),
        count => counted(model, count),
    };
    let blocked = cascade.blocked(&staff.user.permissions);
    let heading = if blocked.is_empty() {
        format!("Delete {objects}?")
    } else {
        format!("Cannot delete {objects}")
    };
    let group = |(model, objects): &(&'static Resource, Vec<&Record>)| {
        let more = objects.len().saturating_sub(MAX_OBJECTS);
        let link = |object: &&Record| ObjectLink {
            title: object.title.clone(),
            href: staff.object_href(model, object.id),
        };
        DeletedGroup {
            label: capitalized(noun(model, objects.len())),
            more: (more > 0).then(|| format!("and {more} more {}", noun(model, more))),
            objects: objects.iter().take(MAX_OBJECTS).map(link).collect(),
        }
    };
    hidden.push(Hidden {
        name: SHOWN.to_owned(),
        value: cascade.fingerprint(),
    });
    let groups = cascade.by_resource();
    let counts = groups.values();
    let page = DeletePage {
        counts: counts
            .map(|(model, objects)| counted(model, objects.len()))
            .collect(),
        groups: groups.values().map(group).collect(),
        blocked,
        hidden,
        back_href,
        heading: heading.clone(),
    };
    let breadcrumbs = staff.resource_trail(model, "Delete");
    staff.page(StatusCode::OK, &heading, breadcrumbs, page)
}
