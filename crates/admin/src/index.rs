//! The index of the admin, and that of one app.

use actix_web::http::StatusCode;
use actix_web::web::Path;
use audit::AuditEntry;
use oc_http::{Page, PageError, PageResult};
use serde::Serialize;

use crate::audit_log::entry_view::EntryView;
use crate::audit_log::snapshot::action_label;
use crate::auth::staff_request::{StaffRequest, forbid_unless};
use crate::history::revision::object_of;
use crate::ui::layout::Breadcrumb;

const RECENT: i64 = 10;

#[derive(Serialize)]
struct IndexPage {
    only: Option<&'static str>,
    recent: Vec<EntryView>,
}

impl Page for IndexPage {
    const TEMPLATE: &'static str = "admin/index.html";
}

/// The models that the user has permissions on, and the user's recent actions.
pub(crate) async fn show(staff: StaffRequest) -> PageResult {
    show_page(&staff, "Administration", None, Vec::new()).await
}

/// The same for one app.
pub(crate) async fn show_app(staff: StaffRequest, app: Path<String>) -> PageResult {
    let mut resources = staff
        .registry()
        .all()
        .filter(|it| it.app == *app)
        .peekable();
    let first = *resources.peek().ok_or(PageError::NotFound)?;
    forbid_unless(resources.any(|resource| staff.user.may_open(resource)))?;
    let heading = format!("{} administration", first.app_label);
    let breadcrumbs = Breadcrumb::trail(&[], &heading);
    show_page(&staff, &heading, Some(first.app), breadcrumbs).await
}

async fn show_page(
    staff: &StaffRequest,
    heading: &str,
    only: Option<&'static str>,
    breadcrumbs: Vec<Breadcrumb>,
) -> PageResult {
    let user_id = staff.user.user.id;
    let recent = staff.read(move |conn| AuditEntry::recent(conn, user_id, RECENT));
    let recent = recent.await?.into_iter();
    let page = IndexPage {
        only,
        recent: recent.map(|entry| recent_action(staff, entry)).collect(),
    };
    staff.page(StatusCode::OK, heading, breadcrumbs, page)
}

fn recent_action(staff: &StaffRequest, entry: AuditEntry) -> EntryView {
    let object = object_of(staff.registry(), &entry).filter(|_| entry.action != "deleted");
    let form = object.and_then(|(resource, id)| staff.object_href(resource, id));
    let action = action_label(&entry.action);
    let view = EntryView::new(entry, &staff.user);
    EntryView {
        action,
        href: form.or(view.href),
        ..view
    }
}
