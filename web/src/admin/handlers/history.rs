//! Everything that happened to a row.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::web::{Data, Path};
use oc_core::accounts::{Rights, Verb};
use oc_core::admin::{Model, SaveError};
use oc_core::changes::{Change, lock};
use serde::Serialize;

use crate::admin::form::Fields;
use crate::admin::frame::{Crumb, Visit, see_other};
use crate::admin::fresh::{Posted, Prover};
use crate::admin::grants::covers;
use crate::admin::line::{changes, date, has_before, told, who};
use crate::admin::models::{self, capitalized, change_path, list_path, may_view};
use crate::admin::record::{FieldChange, Snapshot};
use crate::admin::signed_in::SignedIn;
use crate::admin::{messages, save};
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

#[derive(Serialize)]
struct Line {
    date: String,
    user: String,
    action: String,
    changes: Vec<FieldChange>,
    restore: Option<Restore>,
}

/// A state that one can go back to.
#[derive(Serialize)]
struct Restore {
    id: i64,
}

/// The record of a row, the oldest line first; of a deleted one too.
pub(in crate::admin) async fn show(
    visit: Visit,
    user: SignedIn,
    db: Data<Db>,
    path: Path<(String, String, String)>,
) -> Result<HttpResponse, PageError> {
    let (app, name, id) = path.into_inner();
    let model = models::find(&app, &name).ok_or(PageError::NotFound)?;
    let Ok(id) = id.parse::<i64>() else {
        return Ok(super::unknown(&visit, model, &id));
    };
    if !may_view(&user.rights, model) {
        return Err(PageError::Forbidden);
    }
    let (title, lines, is_there) = db
        .run(move |conn| {
            let object = (model.load)(conn, id)?;
            let lines = Change::of_object(conn, &model.key(), id)?;
            let title = object.as_ref().map(|object| object.title.clone());
            let title = title.or_else(|| lines.last().map(|line| line.title.clone()));
            Ok((title, lines, object.is_some()))
        })
        .await?;
    let Some(title) = title else {
        return Ok(super::unknown(&visit, model, id));
    };
    let may_restore = may(&user.rights, model, is_there);
    let rows = lines
        .into_iter()
        .map(|line| {
            let changes = changes(&line, model);
            Line {
                date: date(&line),
                user: who(&line),
                action: told(&line, &changes),
                changes: if has_before(&line) {
                    changes
                } else {
                    Vec::new()
                },
                restore: state(&line.action, line.before.clone(), line.after.clone())
                    .filter(|_| may_restore)
                    .map(|_| Restore { id: line.id }),
            }
        })
        .collect();
    let list = list_path(model);
    let plural = capitalized(model.plural);
    let change = change_path(model, id);
    let steps = [
        (plural.as_str(), list.as_str()),
        (title.as_str(), change.as_str()),
    ];
    let crumbs = Crumb::way(if is_there { &steps } else { &steps[..1] }, "History");
    let back_href = if is_there {
        change.clone()
    } else {
        list.clone()
    };
    let heading = format!("History of {title}");
    let page = HistoryPage {
        heading: heading.clone(),
        rows,
        back_href,
    };
    visit.page(StatusCode::OK, Some(&user), &heading, crumbs, page)
}

/// Goes back to an earlier state of a row, or brings back one that was deleted, with its id.
pub(in crate::admin) async fn restore(
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
    let model = models::find(&app, &name).ok_or(PageError::NotFound)?;
    let Ok(id) = id.parse::<i64>() else {
        return Ok(super::unknown(&visit, model, &id));
    };
    let line: i64 = fields
        .text("restore")
        .parse()
        .map_err(|_| PageError::BadRequest)?;
    let (actor, rights) = (user.user.clone(), user.rights.clone());
    let outcome = db
        .run(move |conn| {
            let outcome = conn.write(|conn| {
                lock(conn, &model.key(), id)?;
                let line = Change::find(conn, line)?;
                let state = state(&line.action, line.before, line.after);
                let fits = line.model == model.key() && line.object_id == Some(id);
                let Some(state) = state.filter(|_| fits) else {
                    return Ok(None);
                };
                let values = Snapshot::from_text(&state).values();
                let current = (model.load)(conn, id)?;
                if !may(&rights, model, current.is_some()) || !covers(conn, &rights, model, id)? {
                    return Ok(None);
                }
                save::restored(
                    conn,
                    &actor,
                    &rights,
                    model,
                    (id, current.as_ref()),
                    &values,
                )
                .map(Some)
            });
            match outcome {
                Ok(outcome) => Ok(Ok(outcome)),
                Err(SaveError::Invalid(errors)) => Ok(Err(errors)),
                Err(SaveError::Missing) => Ok(Ok(None)),
                Err(SaveError::Database(error)) => Err(error.into()),
            }
        })
        .await?;
    match outcome {
        Ok(Some(object)) => {
            let text = format!("Restored {} \"{}\".", model.singular, object.title);
            messages::add(&visit.session, "success", text);
            Ok(see_other(&change_path(model, id)))
        }
        Ok(None) => Err(PageError::Forbidden),
        Err(errors) => {
            let rules = errors
                .iter()
                .map(ToString::to_string)
                .collect::<Vec<_>>()
                .join(" ");
            messages::add(
                &visit.session,
                "error",
                format!("That state breaks a rule today. {rules}"),
            );
            Ok(see_other(visit.request.uri().path()))
        }
    }
}

/// The state that a line of the record can lead back to: what a row held after it, or before it was deleted.
fn state(action: &str, before: String, after: String) -> Option<String> {
    let state = if action == "deleted" { before } else { after };
    (!state.is_empty()).then_some(state)
}

/// To go back to a state is to change a row; to bring one back is to add it.
fn may(rights: &Rights, model: &Model, is_there: bool) -> bool {
    if is_there {
        rights.may(Verb::Change, model.app, model.name)
    } else {
        models::may_add(rights, model)
    }
}
