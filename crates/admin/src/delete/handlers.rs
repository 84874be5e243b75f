//! Handlers of the deletion of one object, and what they share with the deletion of several.

use accounts::Verb;
use actix_web::HttpResponse;
use oc_core::DbConnection;
use oc_core::admin::Resource;
use oc_core::locks::hold;
use oc_http::{PageError, PageResult};

use crate::auth::request::Rollback;
use crate::auth::staff_request::{StaffRequest, forbid_unless};
use crate::delete::cascade::Cascade;
use crate::delete::page::{Question, SHOWN, show};
use crate::form::after_save::list_href;
use crate::ui::links::{change_path, see_other, with_filters};
use crate::ui::submission::Submission;

const CHANGED: &str =
    "The items to delete have changed. Nothing has been deleted yet. Check them again.";

pub(crate) async fn ask(staff: StaffRequest) -> PageResult {
    let model = staff.permitted_resource(Verb::Delete)?;
    let id = staff.id()?;
    ask_for(&staff, model, vec![id], question(&staff, model, id)).await
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
        Some(page) => Ok(page),
        None => Ok(see_other(&list_href(&staff, model).await)),
    }
}

/// Asks whether to delete these objects.
///
/// # Errors
/// `NotFound` if none of them exists.
pub(crate) async fn ask_for(
    staff: &StaffRequest,
    model: &'static Resource,
    ids: Vec<i64>,
    question: Question,
) -> PageResult {
    let editor = staff.editor();
    let cascade = staff.read(move |conn| Cascade::new(conn, &editor, model, &ids));
    let cascade = cascade.await?;
    if cascade.rows.is_empty() {
        return Err(PageError::NotFound);
    }
    show(staff, &cascade, question)
}

/// Deletes these objects with their cascade, or asks again if the cascade is not the one that the question showed.
///
/// # Errors
/// `NotFound` if none of them exists.
pub(crate) async fn execute(
    staff: &StaffRequest,
    model: &'static Resource,
    ids: Vec<i64>,
    fields: &Submission,
    question: Question,
) -> Result<Option<HttpResponse>, PageError> {
    let shown = fields.has(SHOWN).then(|| fields.text(SHOWN).to_owned());
    let editor = staff.editor();
    let delete = move |conn: &mut DbConnection| {
        // Waits for transactions that add references to these rows, so that the cascade includes them.
        hold(conn, model.table, &ids)?;
        let cascade = Cascade::new(conn, &editor, model, &ids)?;
        forbid_unless(cascade.blocked(&editor).is_empty())?;
        if cascade.rows.is_empty() {
            return Err(PageError::NotFound.into());
        }
        if shown.is_some_and(|shown| shown != cascade.fingerprint()) {
            return Err(Rollback::Refused((cascade, CHANGED)));
        }
        if let Some(rules) = editor.registry.access(model)
            && let Some(error) = (rules.deletion_error)(conn, &ids)?
        {
            return Err(Rollback::Refused((cascade, error)));
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
            staff.session.add_message("warning", text);
            show(staff, &cascade, question).map(Some)
        }
    }
}
