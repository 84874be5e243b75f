//! Handlers of the deletion of one object.

use accounts::Verb;
use oc_core::admin::Resource;
use oc_http::{PageError, PageResult};

use crate::auth::staff_request::StaffRequest;
use crate::delete::cascade::Cascade;
use crate::delete::execute::execute;
use crate::delete::page::{Question, show};
use crate::form::after_save::list_href;
use crate::ui::links::{change_path, see_other, with_filters};
use crate::ui::submission::Submission;

/// Shows what would be deleted.
pub(crate) async fn ask(staff: StaffRequest) -> PageResult {
    let model = staff.permitted_resource(Verb::Delete)?;
    let (id, editor) = (staff.id()?, staff.editor());
    let cascade = staff.read(move |conn| Cascade::new(conn, &editor, model, &[id]));
    let cascade = cascade.await?;
    if cascade.rows.is_empty() {
        return Err(PageError::NotFound);
    }
    show(&staff, &cascade, question(&staff, model, id))
}

fn question(staff: &StaffRequest, model: &Resource, id: i64) -> Question {
    Question {
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
    if staff.registry().access(model).is_some()
        && let Some(page) = staff.require_reauth(&fields).await?
    {
        return Ok(page);
    }
    let question = question(&staff, model, id);
    match execute(&staff, model, vec![id], &fields, question).await? {
        Ok(message) => staff.session.add(message.ok_or(PageError::NotFound)?),
        Err(page) => return Ok(page),
    }
    Ok(see_other(&list_href(&staff, model).await))
}
