//! The pages of the administration.

pub(super) mod action;
pub(super) mod delete;
pub(super) mod history;
pub(super) mod index;
pub(super) mod list;
pub(super) mod log;
pub(super) mod login;
pub(super) mod logout;
pub(super) mod object;
pub(super) mod password;
pub(super) mod user_password;

use actix_web::HttpResponse;
use oc_core::admin::Model;

use super::frame::{Visit, see_other};
use super::messages;

/// Back to the index, with a word on what is not there.
fn unknown(visit: &Visit, model: &Model, id: impl std::fmt::Display) -> HttpResponse {
    let text = format!("There is no {} with ID \"{id}\".", model.singular);
    messages::add(&visit.session, "warning", text);
    see_other("/admin/")
}
