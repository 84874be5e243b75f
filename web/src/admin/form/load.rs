//! Opening the page of a row: of a new one, of one that is stored, or as it was left for another page.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::web::Data;
use oc_core::accounts::Verb;
use oc_core::admin::Model;

use crate::admin::auth::current_user::SignedIn;
use crate::admin::form::beside;
use crate::admin::form::definition::Layout;
use crate::admin::form::page::{Form, VERSION, show};
use crate::admin::form::state::Opened;
use crate::admin::registry::may_view;
use crate::admin::ui::form_data::Fields;
use crate::admin::ui::request::Visit;
use crate::db::Db;
use crate::error::PageError;

/// The form for a new row, with `hidden` in it.
pub(crate) async fn new(
    visit: &Visit,
    user: &SignedIn,
    db: &Data<Db>,
    model: &'static Model,
    hidden: Fields,
) -> Result<HttpResponse, PageError> {
    let layout = Layout::of(model, &user.rights, true);
    let query = Fields::of_query(visit.request.query_string());
    let left = beside::returned(visit, user, model);
    let sent = left.clone().unwrap_or(hidden);
    let opened = db
        .read(move |conn| {
            Ok(match left {
                Some(left) => {
                    let values = layout.typed(&left);
                    Opened::with(conn, layout, None, values, &left)?
                }
                None => Opened::new(conn, layout, &query)?,
            })
        })
        .await?;
    let form = Form {
        sent,
        ..Form::default()
    };
    show(visit, user, StatusCode::OK, &opened, form)
}

/// The form of a stored row with `hidden` in it, or the row to look at for who may not change it. None where there is
/// no such row.
pub(crate) async fn stored(
    visit: &Visit,
    user: &SignedIn,
    db: &Data<Db>,
    (model, id): (&'static Model, &str),
    hidden: Fields,
) -> Result<Option<HttpResponse>, PageError> {
    if !may_view(&user.rights, model) {
        return Err(PageError::Forbidden);
    }
    let Ok(row) = id.parse::<i64>() else {
        return Ok(None);
    };
    let layout = Layout::of(model, &user.rights, false);
    let query = Fields::of_query(visit.request.query_string());
    let read_only = !user.rights.may(Verb::Change, model.app, model.name);
    let left = beside::returned(visit, user, model).filter(|_| !read_only);
    let found = db
        .read(move |conn| {
            let Some(object) = (model.load)(conn, row)? else {
                return Ok(None);
            };
            Ok(Some(match left {
                _ if read_only => (Opened::to_look_at(conn, layout, object)?, hidden),
                None => (Opened::stored(conn, layout, object, &query)?, hidden),
                Some(left) => {
                    let now = layout.stored(conn, &object)?;
                    let (values, version) =
                        layout.caught_up(left.text(VERSION), layout.typed(&left), &now);
                    let left = left.with(VERSION, &version);
                    let opened = Opened::with(conn, layout, Some(object), values, &left)?;
                    (opened, left)
                }
            }))
        })
        .await?;
    let Some((opened, sent)) = found else {
        return Ok(None);
    };
    let form = Form {
        sent,
        keeps_version: true,
        ..Form::default()
    };
    show(visit, user, StatusCode::OK, &opened, form).map(Some)
}
