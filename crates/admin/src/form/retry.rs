//! Forms that could not be saved because the database is busy or away: they are shown again with what was typed.

use actix_web::ResponseError;
use actix_web::http::{StatusCode, header};
use oc_http::{PageError, PageResult};

use crate::auth::staff_request::StaffRequest;
use crate::form::definition::FormDefinition;
use crate::form::state::FormState;
use crate::ui::submission::Submission;

/// The form with a notice, if the error is transient and the database can be read.
pub(crate) async fn redisplay(
    staff: &StaffRequest,
    definition: FormDefinition,
    id: Option<i64>,
    submission: Submission,
    error: PageError,
) -> PageResult {
    if notice(&error).is_none() {
        return Err(error);
    }
    let state = staff.read(move |conn| FormState::submitted(conn, definition, id, &submission));
    let Ok(state) = state.await else {
        return Err(error);
    };
    with_notice(&error, |notice, status| {
        let (state, notice) = (state.keeping_version(), Some(notice));
        FormState { notice, ..state }.show(staff, status)
    })
    .unwrap_or(Err(error))
}

/// The page with a notice and the status of a transient error; `None` for other errors.
pub(crate) fn with_notice(
    error: &PageError,
    page: impl FnOnce(&'static str, StatusCode) -> PageResult,
) -> Option<PageResult> {
    let notice = notice(error)?;
    // This logs the error.
    let bare = error.error_response();
    let retry_after = bare.headers().get(header::RETRY_AFTER).cloned();
    Some(page(notice, bare.status()).map(|mut response| {
        if let Some(when) = retry_after {
            response.headers_mut().insert(header::RETRY_AFTER, when);
        }
        response
    }))
}

/// The notice above the form, if it can be submitted again.
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
