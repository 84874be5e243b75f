//! A form whose save the database did not take: it comes back with what was typed, so that nothing is lost.

use actix_web::http::{StatusCode, header};
use actix_web::web::Data;
use actix_web::{HttpResponse, ResponseError};

use crate::admin::auth::current_user::CurrentUser;
use crate::admin::form::definition::FormDefinition;
use crate::admin::form::page::{FormDisplay, show};
use crate::admin::form::state::FormState;
use crate::admin::ui::form_data::Submission;
use crate::admin::ui::request::AdminRequest;
use crate::db::Db;
use crate::error::PageError;

/// The form of a row, a new one where it has no id, with what was sent and a word on why it was not saved. What else
/// went wrong, and a database that cannot be read either, end as ever.
pub(crate) async fn redisplay(
    request: &AdminRequest,
    user: &CurrentUser,
    db: &Data<Db>,
    (layout, id): (FormDefinition, Option<i64>),
    sent: Submission,
    error: PageError,
) -> Result<HttpResponse, PageError> {
    if notice(&error).is_none() {
        return Err(error);
    }
    let typed = sent.clone();
    let opened = db.read(move |conn| {
        let object = match id {
            Some(id) => (layout.model.load)(conn, id)?,
            None => None,
        };
        if object.is_none() && id.is_some() {
            return Ok(None);
        }
        let values = layout.typed(&typed);
        Ok(Some(FormState::with(conn, layout, object, values, &typed)?))
    });
    let Ok(Some(opened)) = opened.await else {
        return Err(error);
    };
    answer(&error, |notice, status| {
        let form = FormDisplay {
            notice: Some(notice),
            sent,
            keeps_version: true,
            ..FormDisplay::default()
        };
        show(request, user, status, &opened, form)
    })
    .unwrap_or(Err(error))
}

/// The page that `page` makes of a notice and a status, where the error lets one try once more.
pub(crate) fn answer(
    error: &PageError,
    page: impl FnOnce(&'static str, StatusCode) -> Result<HttpResponse, PageError>,
) -> Option<Result<HttpResponse, PageError>> {
    let notice = notice(error)?;
    // Logged there, as every fault is.
    let bare = error.error_response();
    let retry_after = bare.headers().get(header::RETRY_AFTER).cloned();
    Some(page(notice, bare.status()).map(|mut response| {
        if let Some(when) = retry_after {
            response.headers_mut().insert(header::RETRY_AFTER, when);
        }
        response
    }))
}

/// What is said above the form, where it can be sent once more.
fn notice(error: &PageError) -> Option<&'static str> {
    match error {
        PageError::Unavailable(_) | PageError::Overloaded => Some(
            "The database is busy. Your changes have not been saved. Try again in a few seconds.",
        ),
        PageError::WriteOutcomeUnknown(_) => Some(
            "The database did not respond in time. Your changes may have been saved, or may still be. Check before you \
             save again.",
        ),
        _ => None,
    }
}
