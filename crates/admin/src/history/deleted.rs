//! The deleted objects of a resource, with links to restore them.

use actix_web::http::StatusCode;
use audit::AuditEntry;
use oc_http::{Page, PageLinks, PageResult, found};
use serde::Serialize;

use crate::audit_log::entry_view::{EntryView, object_name};
use crate::auth::staff_request::StaffRequest;
use crate::history::revision::may_add_all;
use crate::list_query::{AdminListQuery, PAGE};
use crate::ui::layout::Breadcrumb;
use crate::ui::links::list_path;

#[derive(Serialize)]
struct DeletedPage {
    found: String,
    plural: &'static str,
    rows: Vec<DeletedObject>,
    pager: PageLinks,
}

impl Page for DeletedPage {
    const TEMPLATE: &'static str = "admin/deleted.html";
}

#[derive(Serialize)]
struct DeletedObject {
    #[serde(flatten)]
    entry: EntryView,
    dependents: Vec<String>,
    may_restore: bool,
}

/// The page, most recent deletions first.
pub(crate) async fn index(staff: StaffRequest) -> PageResult {
    let model = staff.viewable_resource()?;
    let query = AdminListQuery::new(&staff, model);
    let (key, offset) = (model.key(), query.offset());
    let (total, entries, children) = staff
        .read(move |conn| {
            let total = AuditEntry::count_deleted(conn, &key)?;
            let entries = AuditEntry::deleted(conn, &key, offset, PAGE)?;
            let ids: Vec<i64> = entries.iter().map(|entry| entry.id).collect();
            let children = AuditEntry::children_of(conn, &ids)?;
            Ok((total, entries, children))
        })
        .await?;
    let rows = entries.into_iter().map(|entry| {
        let is_dependent =
            |child: &&AuditEntry| child.parent_id == Some(entry.id) && child.action == "deleted";
        let dependents = || children.iter().filter(is_dependent);
        DeletedObject {
            dependents: dependents()
                .map(|child| object_name(staff.registry(), child))
                .collect(),
            may_restore: staff.user.may_add(model) && may_add_all(&staff.user, dependents()),
            entry: EntryView::new(entry, &staff.user),
        }
    });
    let path = format!("{}deleted/", list_path(model));
    let heading = format!("Deleted {}", model.plural);
    let page = DeletedPage {
        found: found(total, None, model.singular, model.plural),
        plural: model.plural,
        rows: rows.collect(),
        pager: query.pages(&path, total)?,
    };
    let crumbs = Breadcrumb::below_list(model, &heading);
    staff.page(StatusCode::OK, &heading, crumbs, page)
}
