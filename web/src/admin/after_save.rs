//! Where a form leads once its row is stored.

use actix_web::HttpResponse;
use oc_core::admin::{Model, Object};

use super::form::Fields;
use super::frame::{Visit, see_other};
use super::models::{change_path, list_path, may_view};
use super::row_page::with_filters;
use super::signed_in::SignedIn;
use super::{messages, popup};
use crate::db::Db;
use crate::error::PageError;

/// A word on what was done, and on to where the button leads.
pub(super) async fn done(
    visit: &Visit,
    user: &SignedIn,
    db: &Db,
    model: &Model,
    object: &Object,
    fields: &Fields,
    verb: &str,
) -> Result<HttpResponse, PageError> {
    let text = format!("{verb} {} \"{}\".", model.singular, object.title);
    if popup::is_one(visit) {
        return popup::done(visit, user, db, model, object, fields, text).await;
    }
    let filters = visit.filters();
    let (more, href) = if fields.has("_continue") {
        (
            " You can go on editing below.",
            with_filters(change_path(model, object.id), &filters),
        )
    } else if fields.has("_addanother") {
        (
            " You can add another below.",
            with_filters(format!("{}add/", list_path(model)), &filters),
        )
    } else if may_view(&user.rights, model) {
        let path = list_path(model);
        (
            "",
            if filters.is_empty() {
                path
            } else {
                format!("{path}?{filters}")
            },
        )
    } else {
        ("", "/admin/".to_owned())
    };
    messages::add(&visit.session, "success", format!("{text}{more}"));
    Ok(see_other(&href))
}
