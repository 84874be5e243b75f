//! Confirmation page and handlers for deleting objects.

use std::collections::BTreeSet;

use accounts::Verb;
use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use oc_core::DbConnection;
use oc_core::admin::{Inline, Record, Resource, id_in};
use oc_core::locks::hold;
use oc_http::{Page, PageError, PageResult};
use serde::Serialize;

use crate::auth::request::Rollback;
use crate::auth::staff_request::{StaffRequest, forbid_unless};
use crate::delete::cascade::Cascade;
use crate::form::after_save::list_href;
use crate::ui::field::Hidden;
use crate::ui::links::{
    by_resource, capitalized, change_path, counted, list_path, noun, see_other, with_filters,
};
use crate::ui::submission::Submission;

const CHANGED: &str =
    "The items to delete have changed. Nothing has been deleted yet. Check them again.";

pub(crate) async fn confirm(staff: StaffRequest) -> PageResult {
    let model = staff.permitted_resource(Verb::Delete)?;
    let id = staff.id()?;
    confirmation_page(&staff, model, vec![id], confirmation(&staff, model, id)).await
}

fn confirmation(staff: &StaffRequest, model: &Resource, id: i64) -> Confirmation {
    Confirmation {
        hidden: Vec::new(),
        back_href: with_filters(change_path(model, id), &staff.filters()),
    }
}

pub(crate) async fn delete(staff: StaffRequest, fields: Submission) -> PageResult {
    let fields = staff.accept(fields)?;
    let model = staff.permitted_resource(Verb::Delete)?;
    let id = staff.id()?;
    if fields.text("post") != "yes" {
        return Ok(see_other(&staff.target()));
    }
    if staff.registry().access(model).is_some() {
        staff.require_reauth(&fields).await?;
    }
    let confirmation = confirmation(&staff, model, id);
    match execute(&staff, model, vec![id], &fields, confirmation).await? {
        Some(page) => Ok(page),
        None => Ok(see_other(&list_href(&staff, model).await)),
    }
}

/// Asks whether to delete these objects.
///
/// # Errors
/// `NotFound` if none of them exists.
pub(crate) async fn confirmation_page(
    staff: &StaffRequest,
    model: &'static Resource,
    ids: Vec<i64>,
    confirmation: Confirmation,
) -> PageResult {
    let editor = staff.editor();
    let cascade = staff.read(move |conn| Cascade::new(conn, &editor, model, &ids));
    show(staff, &cascade.await?, confirmation)
}

/// Deletes these objects with their cascade, or asks again if the cascade is not the one that was shown.
///
/// # Errors
/// `NotFound` if none of them exists.
pub(crate) async fn execute(
    staff: &StaffRequest,
    model: &'static Resource,
    ids: Vec<i64>,
    fields: &Submission,
    confirmation: Confirmation,
) -> Result<Option<HttpResponse>, PageError> {
    let shown = fields
        .has(FINGERPRINT_FIELD)
        .then(|| fields.text(FINGERPRINT_FIELD).to_owned());
    let editor = staff.editor();
    let delete = move |conn: &mut DbConnection| {
        // Waits for transactions that add references to these rows, so that the cascade includes them.
        hold(conn, model.table, &ids)?;
        let cascade = Cascade::new(conn, &editor, model, &ids)?;
        let is_other = shown.is_some_and(|shown| shown != cascade.fingerprint());
        if is_other || !cascade.blocked(&editor).is_empty() {
            return Err(Rollback::Rejected((cascade, CHANGED)));
        }
        if let Some(rules) = editor.registry.access(model)
            && let Some(error) = (rules.deletion_error)(conn, &ids)?
        {
            return Err(Rollback::Rejected((cascade, error)));
        }
        let entry_id = cascade.delete(conn, &editor)?;
        Ok(cascade.message(&editor, entry_id))
    };
    match staff.try_write_long(delete).await? {
        Ok(message) => {
            staff.session.add(message);
            Ok(None)
        }
        Err((cascade, text)) => {
            for (resource, _) in cascade.all() {
                staff.require(Verb::Delete, resource)?;
            }
            forbid_unless(cascade.blocked(&staff.user).is_empty())?;
            staff.session.add_message("warning", text);
            show(staff, &cascade, confirmation).map(Some)
        }
    }
}

#[derive(Serialize)]
struct DeletePage {
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
    count: String,
    objects: Vec<ObjectLink>,
    /// The number of objects that are not shown.
    more: Option<String>,
}

/// Objects that stay, although they refer to those that will be deleted or were edited with them, and the form that
/// deletes them too, for users who may.
#[derive(Default, Serialize)]
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
pub(crate) const FINGERPRINT_FIELD: &str = "_shown";

pub(crate) struct Confirmation {
    pub(crate) hidden: Vec<Hidden>,
    /// Target of «No, go back».
    pub(crate) back_href: String,
}

fn show(
    staff: &StaffRequest,
    cascade: &Cascade,
    Confirmation {
        mut hidden,
        back_href,
    }: Confirmation,
) -> PageResult {
    let model = cascade.model;
    let objects = match cascade.selected().len() {
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
            count: counted(model, objects.len()),
            more: (more > 0).then(|| format!("and {more} more {}", noun(model, more))),
            objects: objects.iter().take(MAX_OBJECTS).map(link).collect(),
        }
    };
    let kept = kept(staff, cascade);
    hidden.push(Hidden::new(FINGERPRINT_FIELD, cascade.fingerprint()));
    let mut groups = by_resource(cascade.all());
    groups.sort_by_key(|(model, _)| model.key());
    let page = DeletePage {
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
        let selected = cascade.selected().into_iter();
        let ids = selected.filter_map(|object| id_in(&object.values, inline.field));
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
    let unlinked = |(resource, ids): (&Resource, Vec<i64>)| {
        let count = ids.into_iter().collect::<BTreeSet<_>>().len();
        let objects = match cascade.selected().len() {
            1 => format!("this {}", cascade.model.singular),
            _ => format!("these {}", cascade.model.plural),
        };
        KeptObjects {
            text: format!(
                "{} will be kept, but without {objects}.",
                counted(resource, count)
            ),
            ..KeptObjects::default()
        }
    };
    let groups = by_resource(cascade.unlinked.iter().map(|row| (row.resource, row.id)));
    let inlines = cascade.model.inlines.iter().filter_map(kept);
    inlines.chain(groups.into_iter().map(unlinked)).collect()
}
