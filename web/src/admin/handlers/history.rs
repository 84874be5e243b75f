//! Everything that happened to a row.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::web::{Data, Path};
use oc_core::changes::Change;
use serde::Serialize;

use crate::admin::frame::{Crumb, Visit};
use crate::admin::models::{self, capitalized, change_path, list_path, may_view};
use crate::admin::record::{FieldChange, Snapshot, sentence};
use crate::admin::signed_in::SignedIn;
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
    restore: Option<i64>,
}

/// The record of a row, the oldest line first; of a deleted one too.
pub(in crate::admin) async fn show(
    visit: Visit,
    user: SignedIn,
    db: Data<Db>,
    path: Path<(String, String, i64)>,
) -> Result<HttpResponse, PageError> {
    let (app, name, id) = path.into_inner();
    let model = models::find(&app, &name).ok_or(PageError::NotFound)?;
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
    let rows = lines
        .into_iter()
        .map(|line| {
            let (before, after) = (
                Snapshot::from_text(&line.before),
                Snapshot::from_text(&line.after),
            );
            let changes = Snapshot::changes(&before, &after, model);
            Line {
                date: line.changed_at.format("%Y-%m-%d %H:%M:%S UTC").to_string(),
                user: line.username,
                action: sentence(&line.action, &changes),
                changes: if line.action == "changed" {
                    changes
                } else {
                    Vec::new()
                },
                restore: None,
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
