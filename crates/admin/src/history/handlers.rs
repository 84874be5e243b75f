//! Handlers of the history page.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::web::{Data, Path};
use audit::AuditEntry;
use oc_core::timeouts::raise_statement_timeout;
use oc_http::{Db, Page, PageError};
use serde::Serialize;

use crate::auth::current_user::CurrentUser;
use crate::auth::reauth::Reauth;
use crate::auth::request::AdminRequest;
use crate::history::restore;
use crate::history::restored::RestoreError;
use crate::history::revision::Revision;
use crate::history::timeline::{BEFORE, ObjectHistory, TimelineEntry};
use crate::registry::{Editor, may_view};
use crate::ui::layout::Breadcrumb;
use crate::ui::links::{capitalized, change_path, list_path, see_other, with_filters, with_query};
use crate::ui::submission::Submission;

#[derive(Serialize)]
struct HistoryPage {
    heading: String,
    rows: Vec<TimelineEntry>,
    back_href: String,
}

impl Page for HistoryPage {
    const TEMPLATE: &'static str = "admin/history.html";
}

/// The history of an object, oldest entry first; also of a deleted one.
pub(crate) async fn show(
    request: AdminRequest,
    user: CurrentUser,
    db: Data<Db>,
    path: Path<(String, String, String)>,
) -> Result<HttpResponse, PageError> {
    let (app, name, id) = path.into_inner();
    let model = request
        .registry()
        .find(&app, &name)
        .ok_or(PageError::NotFound)?;
    let Ok(id) = id.parse::<i64>() else {
        return Ok(request.unknown_object(model, &id));
    };
    if !may_view(&user.rights, model) {
        return Err(PageError::Forbidden);
    }
    let registry = request.registry();
    let history = db
        .read(move |conn| Ok(ObjectHistory::new(conn, registry, model, id)?))
        .await?;
    let title = match (&history.object, history.lines.last()) {
        (Some(object), _) => object.title.clone(),
        (None, Some(line)) => line.title.clone(),
        (None, None) => return Ok(request.unknown_object(model, id)),
    };
    let is_there = history.object.is_some();
    let rows = history.rows(model, &user.rights);
    let list = list_path(model);
    let plural = capitalized(model.plural);
    let filters = request.filters();
    let change = with_filters(change_path(model, id), &filters);
    let steps = [
        (plural.as_str(), list.as_str()),
        (title.as_str(), change.as_str()),
    ];
    let crumbs = Breadcrumb::trail(if is_there { &steps } else { &steps[..1] }, "History");
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
    request.page(StatusCode::OK, Some(&user), &heading, crumbs, page)
}

/// Restores an earlier version, or a deleted object with what was deleted with it.
pub(crate) async fn restore(
    request: AdminRequest,
    user: CurrentUser,
    db: Data<Db>,
    path: Path<(String, String, String)>,
    reauth: Reauth,
    fields: Submission,
) -> Result<HttpResponse, PageError> {
    let fields = request.accept(&user, fields)?;
    if let Some(page) = reauth.require(&request, &user, &fields).await? {
        return Ok(page);
    }
    let (app, name, id) = path.into_inner();
    let model = request
        .registry()
        .find(&app, &name)
        .ok_or(PageError::NotFound)?;
    let Ok(id) = id.parse::<i64>() else {
        return Ok(request.unknown_object(model, &id));
    };
    let value = fields.text("restore");
    let before = value.strip_suffix(BEFORE);
    let line: i64 = before
        .unwrap_or(value)
        .parse()
        .map_err(|_| PageError::BadRequest)?;
    let is_before = before.is_some();
    let registry = request.registry();
    let (author, permissions) = (user.user.clone(), user.rights.clone());
    let outcome = db
        .run_long(move |conn| {
            let actor = Editor {
                registry,
                user: &author,
                permissions: &permissions,
            };
            let lines = AuditEntry::for_object(conn, &model.key(), id)?;
            if lines.is_empty() && (model.load)(conn, id)?.is_none() {
                return Ok(None);
            }
            let line = lines.into_iter().find(|known| known.id == line);
            let state = match Revision::new(line.ok_or(PageError::NotFound)?) {
                state if is_before => Revision { is_before, ..state },
                state => state,
            };
            let restored = conn.write(|conn| {
                raise_statement_timeout(conn)?;
                restore::restore_revision(conn, actor, state)
            });
            match restored {
                Ok(restored) => Ok(Some(Ok(restored))),
                Err(RestoreError::Violations(broken)) => Ok(Some(Err(broken))),
                Err(RestoreError::Forbidden) => Err(PageError::Forbidden),
                Err(RestoreError::Database(error)) => Err(error.into()),
            }
        })
        .await?;
    match outcome {
        None => Ok(request.unknown_object(model, id)),
        Some(Ok(restored)) => {
            for (level, text) in restored.words() {
                request.session.add_message(level, text);
            }
            let is_seen = may_view(&user.rights, model);
            let path = if is_seen {
                with_filters(change_path(model, id), &request.filters())
            } else {
                "/admin/".to_owned()
            };
            Ok(see_other(&path))
        }
        Some(Err(broken)) => {
            request.session.add_message("error", broken.words());
            let mut response = see_other(&request.target());
            broken.leave_refusal(&mut response);
            Ok(response)
        }
    }
}
