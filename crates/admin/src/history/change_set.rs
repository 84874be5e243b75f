//! Change sets: everything that one action did, and restoring what it deleted.

use accounts::Rights;
use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::web::{Data, Path};
use audit::AuditEntry;
use oc_core::timeouts::raise_statement_timeout;
use oc_http::{Db, Page, PageError};
use serde::Serialize;

use crate::audit_log::entry_view::EntryView;
use crate::audit_log::query::PATH;
use crate::auth::current_user::CurrentUser;
use crate::auth::reauth::Reauth;
use crate::auth::request::AdminRequest;
use crate::history::restore;
use crate::history::restored::RestoreError;
use crate::history::revision::{is_delete, may_add_all};
use crate::registry::{Editor, Registry, may_view};
use crate::ui::layout::Breadcrumb;
use crate::ui::links::{capitalized, counts, see_other};
use crate::ui::submission::Submission;

#[derive(Serialize)]
struct ChangeSetPage {
    heading: String,
    rows: Vec<EntryView>,
    /// The number of entries that are not shown.
    more: Option<String>,
    /// The number of entries of objects that the user may not view.
    unseen: Option<String>,
    may_restore: bool,
}

/// The most entries that are shown.
const SHOWN_AT_MOST: usize = 1_000;

impl Page for ChangeSetPage {
    const TEMPLATE: &'static str = "admin/act.html";
}

/// The entries of a change set that the user may view, oldest first.
pub(crate) async fn show(
    request: AdminRequest,
    user: CurrentUser,
    db: Data<Db>,
    id: Path<String>,
) -> Result<HttpResponse, PageError> {
    let registry = request.registry();
    let mut lines = lines(&db, &id).await?;
    let count = lines.len();
    let may_restore = is_delete(&lines) && may_add_all(registry, &user.rights, &lines);
    lines.retain(|line| is_seen(registry, line, &user.rights));
    if lines.is_empty() {
        return Err(PageError::Forbidden);
    }
    let unseen = count - lines.len();
    let heading = heading(registry, &lines);
    let page = ChangeSetPage {
        heading: heading.clone(),
        may_restore: may_restore && unseen == 0,
        more: (lines.len() > SHOWN_AT_MOST)
            .then(|| format!("and {} more", lines.len() - SHOWN_AT_MOST)),
        unseen: (unseen > 0)
            .then(|| format!("and {unseen} that you do not have permission to view")),
        rows: lines
            .into_iter()
            .take(SHOWN_AT_MOST)
            .map(|line| EntryView {
                act_href: None,
                ..EntryView::new(line, registry, &user.rights)
            })
            .collect(),
    };
    let crumbs = Breadcrumb::trail(&[("Log", PATH)], &heading);
    request.page(StatusCode::OK, Some(&user), &heading, crumbs, page)
}

/// Restores every object that a change set deleted, in one transaction.
pub(crate) async fn restore(
    request: AdminRequest,
    user: CurrentUser,
    db: Data<Db>,
    id: Path<String>,
    reauth: Reauth,
    fields: Submission,
) -> Result<HttpResponse, PageError> {
    let fields = request.accept(&user, fields)?;
    let registry = request.registry();
    let lines = lines(&db, &id).await?;
    if !lines
        .iter()
        .all(|line| is_seen(registry, line, &user.rights))
    {
        return Err(PageError::Forbidden);
    }
    if let Some(page) = reauth.require(&request, &user, &fields).await? {
        return Ok(page);
    }
    let registry = request.registry();
    let (author, permissions) = (user.user.clone(), user.rights.clone());
    let outcome = db
        .run_long(move |conn| {
            let actor = Editor {
                registry,
                user: &author,
                permissions: &permissions,
            };
            let restored = conn.write(|conn| {
                raise_statement_timeout(conn)?;
                restore::restore_change_set(conn, actor, lines)
            });
            match restored {
                Ok(restored) => Ok(Ok(restored)),
                Err(RestoreError::Violations(broken)) => Ok(Err(broken)),
                Err(RestoreError::Forbidden) => Err(PageError::Forbidden),
                Err(RestoreError::Database(error)) => Err(error.into()),
            }
        })
        .await?;
    let mut response = see_other(request.http.uri().path());
    let told = match outcome {
        Ok(restored) if restored.is_empty() => {
            let text = "Already restored.".to_owned();
            vec![("warning", text)]
        }
        Ok(restored) => restored.words().collect(),
        Err(broken) => {
            broken.leave_refusal(&mut response);
            vec![("error", broken.words())]
        }
    };
    for (level, text) in told {
        request.session.add_message(level, text);
    }
    Ok(response)
}

/// The entries of a change set.
async fn lines(db: &Db, id: &str) -> Result<Vec<AuditEntry>, PageError> {
    let id: i64 = id.parse().map_err(|_| PageError::NotFound)?;
    let lines = db
        .read_long(move |conn| Ok(AuditEntry::in_change_set(conn, id)?))
        .await?;
    if lines.is_empty() {
        return Err(PageError::NotFound);
    }
    Ok(lines)
}

/// Whether the user may view the object of an entry.
fn is_seen(registry: Registry, line: &AuditEntry, rights: &Rights) -> bool {
    registry
        .by_key(&line.model)
        .map_or(rights.are_all(), |model| may_view(rights, model))
}

/// “Deleted 2 authors and 2 books”, or the number of changes if they are of several kinds.
fn heading(registry: Registry, lines: &[AuditEntry]) -> String {
    let action = lines.first().map_or("", |line| line.action.as_str());
    // Consequences are not counted.
    let rows = || {
        lines
            .iter()
            .filter(|line| line.action == action || line.parent_id.is_none())
    };
    let known = rows().map(|line| registry.by_key(&line.model));
    let models: Option<Vec<_>> = known.collect();
    let is_one_sort = rows().all(|line| line.action == action);
    match models.filter(|_| is_one_sort) {
        Some(models) => {
            let counts = counts(models.into_iter()).join(" and ");
            format!("{} {counts}", capitalized(action))
        }
        None => format!("{} changes made together", lines.len()),
    }
}
