//! The confirmation page of a deletion.

use std::collections::BTreeSet;

use accounts::Verb;
use actix_web::http::StatusCode;
use oc_core::admin::{Inline, Record, Resource, id_in};
use oc_http::{Page, PageResult};
use serde::Serialize;

use crate::auth::staff_request::StaffRequest;
use crate::delete::cascade::Cascade;
use crate::ui::field::Hidden;
use crate::ui::links::{by_resource, capitalized, counted, list_path, noun};

#[derive(Serialize)]
struct DeletePage {
    counts: Vec<String>,
    groups: Vec<DeletedGroup>,
    blocked: Vec<String>,
    kept: Vec<KeptObjects>,
    hidden: Vec<Hidden>,
    back_href: String,
}

impl Page for DeletePage {
    const TEMPLATE: &'static str = "admin/delete.html";
}

#[derive(Serialize)]
struct DeletedGroup {
    label: String,
    objects: Vec<ObjectLink>,
    /// The number of objects that are not shown.
    more: Option<String>,
}

/// Objects that stay, although they refer to those that will be deleted or were edited with them, and the form that
/// deletes them too, for users who may.
#[derive(Serialize)]
struct KeptObjects {
    text: String,
    button: Option<String>,
    action: String,
    ids: String,
}

#[derive(Serialize)]
struct ObjectLink {
    title: String,
    href: Option<String>,
}

const MAX_OBJECTS: usize = 1_000;

/// The field with the fingerprint of the cascade.
pub(crate) const SHOWN: &str = "_shown";

pub(crate) struct Question {
    pub(crate) hidden: Vec<Hidden>,
    /// Target of «No, go back».
    pub(crate) back_href: String,
}

pub(crate) fn show(
    staff: &StaffRequest,
    cascade: &Cascade,
    Question {
        mut hidden,
        back_href,
    }: Question,
) -> PageResult {
    let model = cascade.model;
    let objects = match cascade.rows.len() {
        1 => model.singular.to_owned(),
        count => counted(model, count),
    };
    let blocked = cascade.blocked(&staff.user);
    let heading = if blocked.is_empty() {
        format!("Delete {objects}?")
    } else {
        format!("Cannot delete {objects}")
    };
    let group = |(model, objects): &(&Resource, Vec<&Record>)| {
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
    let kept = kept(staff, cascade);
    hidden.push(Hidden::new(SHOWN, cascade.fingerprint()));
    let mut groups = by_resource(cascade.all());
    groups.sort_by_key(|(model, _)| model.key());
    let page = DeletePage {
        counts: groups
            .iter()
            .map(|(model, objects)| counted(model, objects.len()))
            .collect(),
        groups: groups.iter().map(group).collect(),
        kept: if blocked.is_empty() { kept } else { Vec::new() },
        blocked,
        hidden,
        back_href,
    };
    let breadcrumbs = staff.resource_trail(model, "Delete");
    staff.page(StatusCode::OK, &heading, breadcrumbs, page)
}

/// The objects of inlines, which stay: deleting them instead deletes the others as well. Then those that lose a reference.
fn kept(staff: &StaffRequest, cascade: &Cascade) -> Vec<KeptObjects> {
    let kept = |inline: &Inline| {
        let resource = inline.resource;
        let rows = cascade.rows.iter();
        let ids = rows.filter_map(|row| id_in(&row.object.values, inline.field));
        let ids: Vec<String> = ids.map(|id| id.to_string()).collect();
        let may_delete = staff.user.may(Verb::Delete, resource);
        let objects = match ids.len() {
            0 => return None,
            1 => resource.singular.to_owned(),
            count => counted(resource, count),
        };
        let stay = if ids.len() == 1 { "stays" } else { "stay" };
        let button = format!("Delete the {} too", noun(resource, ids.len()));
        Some(KeptObjects {
            text: format!("The {objects} {stay}."),
            button: may_delete.then_some(button),
            action: list_path(resource),
            ids: ids.join(","),
        })
    };
    let unlinked = |(resource, ids): &(&Resource, Vec<i64>)| {
        let count = ids.iter().collect::<BTreeSet<_>>().len();
        let this = if cascade.rows.len() == 1 {
            "this"
        } else {
            "these"
        };
        let objects = noun(cascade.model, cascade.rows.len());
        KeptObjects {
            text: format!(
                "{} will be kept, but without {this} {objects}.",
                counted(resource, count)
            ),
            button: None,
            action: list_path(resource),
            ids: String::new(),
        }
    };
    let inlines = cascade.model.inlines.iter().filter_map(kept);
    inlines
        .chain(cascade.unlinked.iter().map(unlinked))
        .collect()
}
