//! The pages of the administration.

use accounts::{User, Verb};
use actix_web::HttpResponse;
use actix_web::web::Data;
use diesel::OptionalExtension;
use oc_core::admin::Resource;

use crate::admin::auth::current_user::CurrentUser;
use crate::admin::form::beside::CARRIED;
use crate::admin::registry;
use crate::admin::ui::form_data::Submission;
use crate::admin::ui::request::{AdminRequest, see_other};
use crate::admin::ui::{messages, popup};
use crate::db::Db;
use crate::error::PageError;

/// Back to the index, with a word on what is not there.
pub(crate) fn unknown(
    request: &AdminRequest,
    model: &Resource,
    id: impl std::fmt::Display,
) -> HttpResponse {
    let text = format!("There is no {} with ID \"{id}\".", model.singular);
    messages::add(&request.session, "warning", text);
    see_other("/admin/")
}

/// The same; but to the form that the page was opened beside, if there is one.
pub(crate) fn gone(
    request: &AdminRequest,
    model: &Resource,
    id: impl std::fmt::Display,
    sent: &Submission,
) -> Result<HttpResponse, PageError> {
    let answer = unknown(request, model, id);
    if sent.has(CARRIED) {
        return popup::close(request, model, sent);
    }
    Ok(answer)
}

/// An account that one may change: with the right to change users, and where it has no more rights than oneself. None
/// where there is none of that id.
pub(crate) async fn account(
    user: &CurrentUser,
    db: &Data<Db>,
    id: &str,
) -> Result<Option<User>, PageError> {
    if !user.rights.may(Verb::Change, "auth", "user") {
        return Err(PageError::Forbidden);
    }
    let Ok(id) = id.parse::<i64>() else {
        return Ok(None);
    };
    let rights = user.rights.clone();
    db.read(move |conn| {
        let Some(account) = User::find(conn, id).optional()? else {
            return Ok(None);
        };
        if rights.cover(conn, &account)? {
            Ok(Some(account))
        } else {
            Err(PageError::Forbidden)
        }
    })
    .await
}

/// Back to the index, with a word on the account that is not there.
pub(crate) fn unknown_account(request: &AdminRequest, id: &str) -> Result<HttpResponse, PageError> {
    let model = registry::by_key("auth.user").ok_or(PageError::NotFound)?;
    Ok(unknown(request, model, id))
}
