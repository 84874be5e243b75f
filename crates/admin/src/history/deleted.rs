//! The deleted objects of a resource, with links to restore them.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::web::{Data, Path};
use audit::AuditEntry;
use oc_http::{Db, Page, PageError, PageLinks, found};
use serde::Serialize;

use crate::audit_log::entry_view::{date, who};
use crate::auth::current_user::CurrentUser;
use crate::auth::request::AdminRequest;
use crate::history::revision;
use crate::list_query::{AdminListQuery, PAGE, pages};
use crate::ui::layout::Breadcrumb;
use crate::ui::links::{capitalized, history_path, list_path};

#[derive(Serialize)]
struct DeletedPage {
    heading: String,
    found: String,
    plural: &'static str,
    rows: Vec<DeletedObjectRow>,
    pager: PageLinks,
}

impl Page for DeletedPage {
    const TEMPLATE: &'static str = "admin/deleted.html";
}

#[derive(Serialize)]
struct DeletedObjectRow {
    line: i64,
    title: String,
    date: String,
    user: String,
    /// Objects that were deleted with it.
    along: Vec<String>,
    history_href: String,
    act_href: Option<String>,
    may_restore: bool,
}

/// The page, most recent deletions first.
pub(crate) async fn index(
    request: AdminRequest,
    user: CurrentUser,
    db: Data<Db>,
    path: Path<(String, String)>,
) -> Result<HttpResponse, PageError> {
    let model = request
        .registry()
        .visible(&user.rights, (&path.0, &path.1))?;
    let query = AdminListQuery::new(&request, model);
    let number = query.page.ok_or(PageError::NotFound)?;
    let key = model.key();
    let (total, lines, along) = db
        .read(move |conn| {
            let total = AuditEntry::count_deleted(conn, &key)?;
            let offset = (number - 1).saturating_mul(PAGE);
            let lines = AuditEntry::deleted(conn, &key, offset, PAGE)?;
            let ids: Vec<i64> = lines.iter().map(|line| line.id).collect();
            let along = AuditEntry::children_of(conn, &ids)?;
            Ok((total, lines, along))
        })
        .await?;
    let count = pages(total);
    if number > count {
        return Err(PageError::NotFound);
    }
    let rows = lines.into_iter().map(|line| {
        let went = |row: &&AuditEntry| row.parent_id == Some(line.id) && row.action == "deleted";
        let own = || along.iter().filter(went);
        let name = |row: &AuditEntry| match request.registry().by_key(&row.model) {
            Some(model) => format!("{} \"{}\"", model.singular, row.title),
            None => row.title.clone(),
        };
        DeletedObjectRow {
            date: date(&line),
            user: who(&line),
            along: own().map(name).collect(),
            history_href: history_path(model, line.object_id.unwrap_or_default()),
            act_href: line.change_set_id.map(|act| format!("/admin/log/{act}/")),
            may_restore: revision::may_restore(request.registry(), &user.rights, model, false)
                && revision::may_add_all(request.registry(), &user.rights, own()),
            line: line.id,
            title: line.title.clone(),
        }
    });
    let list = list_path(model);
    let path = format!("{list}deleted/");
    let heading = format!("Deleted {}", model.plural);
    let page = DeletedPage {
        heading: heading.clone(),
        found: found(total, None, model.singular, model.plural),
        plural: model.plural,
        rows: rows.collect(),
        pager: PageLinks::new(number, count, |page| {
            if page == 1 {
                path.clone()
            } else {
                format!("{path}?p={page}")
            }
        }),
    };
    let plural = capitalized(model.plural);
    let crumbs = Breadcrumb::trail(&[(plural.as_str(), list.as_str())], &heading);
    request.page(StatusCode::OK, Some(&user), &heading, crumbs, page)
}
