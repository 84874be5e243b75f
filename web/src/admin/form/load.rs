//! Opening the page of a row: of a new one, of one that is stored, or as it was left for another page.

use accounts::Verb;
use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::web::Data;
use oc_core::admin::Resource;

use crate::admin::auth::current_user::CurrentUser;
use crate::admin::form::beside;
use crate::admin::form::definition::FormDefinition;
use crate::admin::form::page::{FormDisplay, VERSION, show};
use crate::admin::form::state::FormState;
use crate::admin::registry::may_view;
use crate::admin::ui::form_data::Submission;
use crate::admin::ui::request::AdminRequest;
use crate::db::Db;
use crate::error::PageError;

/// The form for a new row, with `hidden` in it.
pub(crate) async fn new(
    request: &AdminRequest,
    user: &CurrentUser,
    db: &Data<Db>,
    model: &'static Resource,
    hidden: Submission,
) -> Result<HttpResponse, PageError> {
    let layout = FormDefinition::of(model, &user.rights, true);
    let query = Submission::of_query(request.http.query_string());
    let left = beside::returned(request, user, model);
    let sent = left.clone().unwrap_or(hidden);
    let opened = db
        .read(move |conn| {
            Ok(match left {
                Some(left) => {
                    let values = layout.typed(&left);
                    FormState::with(conn, layout, None, values, &left)?
                }
                None => FormState::new(conn, layout, &query)?,
            })
        })
        .await?;
    let form = FormDisplay {
        sent,
        ..FormDisplay::default()
    };
    show(request, user, StatusCode::OK, &opened, form)
}

/// The form of a stored row with `hidden` in it, or the row to look at for who may not change it. None where there is
/// no such row.
pub(crate) async fn stored(
    request: &AdminRequest,
    user: &CurrentUser,
    db: &Data<Db>,
    (model, id): (&'static Resource, &str),
    hidden: Submission,
) -> Result<Option<HttpResponse>, PageError> {
    if !may_view(&user.rights, model) {
        return Err(PageError::Forbidden);
    }
    let Ok(row) = id.parse::<i64>() else {
        return Ok(None);
    };
    let layout = FormDefinition::of(model, &user.rights, false);
    let query = Submission::of_query(request.http.query_string());
    let read_only = !user.rights.may(Verb::Change, model.app, model.name);
    let left = beside::returned(request, user, model).filter(|_| !read_only);
    let found = db
        .read(move |conn| {
            let Some(object) = (model.load)(conn, row)? else {
                return Ok(None);
            };
            Ok(Some(match left {
                _ if read_only => (FormState::to_look_at(conn, layout, object)?, hidden),
                None => (FormState::stored(conn, layout, object, &query)?, hidden),
                Some(left) => {
                    let now = layout.stored(conn, &object)?;
                    let (values, version) =
                        layout.caught_up(left.text(VERSION), layout.typed(&left), &now);
                    let left = left.with(VERSION, &version);
                    let opened = FormState::with(conn, layout, Some(object), values, &left)?;
                    (opened, left)
                }
            }))
        })
        .await?;
    let Some((opened, sent)) = found else {
        return Ok(None);
    };
    let form = FormDisplay {
        sent,
        keeps_version: true,
        ..FormDisplay::default()
    };
    show(request, user, StatusCode::OK, &opened, form).map(Some)
}
