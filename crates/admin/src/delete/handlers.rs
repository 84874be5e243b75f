//! Handlers of the deletion of one object.

use accounts::Verb;
use actix_web::HttpResponse;
use actix_web::web::Path;
use oc_core::admin::Resource;
use oc_http::PageError;

use crate::auth::staff_request::StaffRequest;
use crate::delete::cascade::Cascade;
use crate::delete::execute::execute;
use crate::delete::page::{Question, show};
use crate::form::after_save::list_href;
use crate::ui::links::{change_path, see_other, with_filters};
use crate::ui::submission::Submission;

/// Shows what would be deleted.
pub(crate) async fn ask(
    staff: StaffRequest,
    path: Path<(String, String, String)>,
) -> Result<HttpResponse, PageError> {
    let registry = staff.registry();
    let model = staff.find_allowed(&path.0, &path.1, Verb::Delete)?;
    let Ok(id) = path.2.parse::<i64>() else {
        return Ok(staff.unknown_object(model, &path.2));
    };
    let permissions = staff.user.permissions.clone();
    let cascade = staff
        .db
        .read(move |conn| Ok(Cascade::new(conn, registry, model, &[id], &permissions)?));
    let cascade = cascade.await?;
    if cascade.rows.is_empty() {
        return Ok(staff.unknown_object(model, id));
    }
    show(&staff, &cascade, question(&staff, model, id))
}

fn question(staff: &StaffRequest, model: &Resource, id: i64) -> Question {
    Question {
        hidden: Vec::new(),
        back_href: with_filters(change_path(model, id), &staff.filters()),
    }
}

/// Deletes the object.
pub(crate) async fn delete(
    staff: StaffRequest,
    path: Path<(String, String, String)>,
    fields: Submission,
) -> Result<HttpResponse, PageError> {
    let fields = staff.accept(fields)?;
    let model = staff.find_allowed(&path.0, &path.1, Verb::Delete)?;
    let Ok(id) = path.2.parse::<i64>() else {
        return Ok(staff.unknown_object(model, &path.2));
    };
    if fields.text("post") != "yes" {
        return Ok(see_other(&staff.target()));
    }
    if staff.registry().access(model).is_some()
        && let Some(page) = staff.require_reauth(&fields).await?
    {
        return Ok(page);
    }
    let question = question(&staff, model, id);
    match execute(&staff, model, vec![id], &fields, question).await? {
        Ok(Some(message)) => staff.session.add(message),
        Ok(None) => return Ok(staff.unknown_object(model, id)),
        Err(page) => return Ok(page),
    }
    Ok(see_other(&list_href(&staff, model).await))
}
