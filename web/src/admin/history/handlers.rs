//! Everything that happened to a row, and the way back.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::web::{Data, Path};
use oc_core::changes::Change;
use oc_core::waiting::allow_long;
use serde::Serialize;

use crate::admin::auth::current_user::SignedIn;
use crate::admin::auth::reauth::{Posted, Prover};
use crate::admin::history::restore;
use crate::admin::history::restored::Unrestored;
use crate::admin::history::revision::State;
use crate::admin::history::timeline::{BEFORE, Line, Told};
use crate::admin::list::query::{with_filters, with_query};
use crate::admin::registry::{self, capitalized, change_path, list_path, may_view};
use crate::admin::ui::form_data::Fields;
use crate::admin::ui::messages;
use crate::admin::ui::request::{Crumb, Visit, see_other};
use crate::db::Db;
use crate::error::PageError;
use crate::pages::Page;

#[derive(Serialize)]
struct HistoryPage {
    heading: String,
    rows: Vec<Line>,
    back_href: String,
}

impl Page for HistoryPage {
    const TEMPLATE: &'static str = "admin/history.html";
}

/// The record of a row, the oldest line first; of a deleted one too.
pub(crate) async fn show(
    visit: Visit,
    user: SignedIn,
    db: Data<Db>,
    path: Path<(String, String, String)>,
) -> Result<HttpResponse, PageError> {
    let (app, name, id) = path.into_inner();
    let model = registry::find(&app, &name).ok_or(PageError::NotFound)?;
    let Ok(id) = id.parse::<i64>() else {
        return Ok(crate::admin::auth::lookup::unknown(&visit, model, &id));
    };
    if !may_view(&user.rights, model) {
        return Err(PageError::Forbidden);
    }
    let told = db.read(move |conn| Ok(Told::of(conn, model, id)?)).await?;
    let title = match (&told.object, told.lines.last()) {
        (Some(object), _) => object.title.clone(),
        (None, Some(line)) => line.title.clone(),
        (None, None) => return Ok(crate::admin::auth::lookup::unknown(&visit, model, id)),
    };
    let is_there = told.object.is_some();
    let rows = told.rows(model, &user.rights);
    let list = list_path(model);
    let plural = capitalized(model.plural);
    let filters = visit.filters();
    let change = with_filters(change_path(model, id), &filters);
    let steps = [
        (plural.as_str(), list.as_str()),
        (title.as_str(), change.as_str()),
    ];
    let crumbs = Crumb::way(if is_there { &steps } else { &steps[..1] }, "History");
    let heading = format!("History of {title}");
    let page = HistoryPage {
        heading: heading.clone(),
        rows,
        back_href: if is_there {
            change.clone()
        } else {
            with_query(&list, &filters)
        },
    };
    visit.page(StatusCode::OK, Some(&user), &heading, crumbs, page)
}

/// Goes back to an earlier state of a row, or brings back one that was deleted, with its id and what it took along.
pub(crate) async fn restore(
    visit: Visit,
    user: SignedIn,
    db: Data<Db>,
    path: Path<(String, String, String)>,
    prover: Prover,
    fields: Fields,
) -> Result<HttpResponse, PageError> {
    visit.check_form(Some(&user), &fields)?;
    let posted = Posted::of(&visit, &user, fields)?;
    if let Some(page) = prover.ask(&visit, &user, &posted).await? {
        return Ok(page);
    }
    let fields = posted.form;
    let (app, name, id) = path.into_inner();
    let model = registry::find(&app, &name).ok_or(PageError::NotFound)?;
    let Ok(id) = id.parse::<i64>() else {
        return Ok(crate::admin::auth::lookup::unknown(&visit, model, &id));
    };
    let value = fields.text("restore");
    let before = value.strip_suffix(BEFORE);
    let line: i64 = before
        .unwrap_or(value)
        .parse()
        .map_err(|_| PageError::BadRequest)?;
    let is_before = before.is_some();
    let (actor, rights) = (user.user.clone(), user.rights.clone());
    let outcome = db
        .run_long(move |conn| {
            let lines = Change::of_object(conn, &model.key(), id)?;
            if lines.is_empty() && (model.load)(conn, id)?.is_none() {
                return Ok(None);
            }
            let line = lines.into_iter().find(|known| known.id == line);
            let state = match State::of(line.ok_or(PageError::NotFound)?) {
                state if is_before => State { is_before, ..state },
                state => state,
            };
            let restored = conn.write(|conn| {
                allow_long(conn)?;
                restore::of_state(conn, &actor, &rights, state)
            });
            match restored {
                Ok(restored) => Ok(Some(Ok(restored))),
                Err(Unrestored::Broken(broken)) => Ok(Some(Err(broken))),
                Err(Unrestored::Forbidden) => Err(PageError::Forbidden),
                Err(Unrestored::Database(error)) => Err(error.into()),
            }
        })
        .await?;
    match outcome {
        None => Ok(crate::admin::auth::lookup::unknown(&visit, model, id)),
        Some(Ok(restored)) => {
            for (level, text) in restored.words() {
                messages::add(&visit.session, level, text);
            }
            let is_seen = may_view(&user.rights, model);
            let path = if is_seen {
                with_filters(change_path(model, id), &visit.filters())
            } else {
                "/admin/".to_owned()
            };
            Ok(see_other(&path))
        }
        Some(Err(broken)) => {
            messages::add(&visit.session, "error", broken.words());
            let mut response = see_other(&visit.target());
            broken.leave_refusal(&mut response);
            Ok(response)
        }
    }
}
