//! Redirects after an object was saved.

use actix_web::HttpResponse;
use oc_core::admin::{ListQuery, Record, Resource};
use oc_http::{Db, PageError};

use crate::auth::current_user::CurrentUser;
use crate::auth::request::AdminRequest;
use crate::auth::staff_request::StaffRequest;
use crate::form::popup;
use crate::list_query::{AdminListQuery, page_count};
use crate::registry::may_view;
use crate::ui::links::{change_path, list_path, with_filters, with_query};
use crate::ui::submission::Submission;

/// Adds a message and redirects to where the button leads.
pub(crate) async fn redirect_after_save(
    staff: &StaffRequest,
    resource: &Resource,
    record: &Record,
    submission: &Submission,
    verb: &str,
) -> Result<HttpResponse, PageError> {
    let text = format!("{verb} {} \"{}\".", resource.singular, record.title);
    if popup::is_popup(staff) {
        return popup::finish_popup(staff, resource, record, submission, text).await;
    }
    let filters = staff.filters();
    let (more, path) = if submission.has("_continue") {
        let path = change_path(resource, record.id);
        (
            " You can continue editing below.",
            with_filters(path, &filters),
        )
    } else if submission.has("_addanother") {
        let path = format!("{}add/", list_path(resource));
        (" You can add another below.", with_filters(path, &filters))
    } else {
        ("", list_href(staff, &staff.user, &staff.db, resource).await)
    };
    Ok(staff.succeed(format!("{text}{more}"), &path))
}

/// The list that the user came from, on the page that was open or the last one; the index without the permission to
/// view it.
pub(crate) async fn list_href(
    request: &AdminRequest,
    user: &CurrentUser,
    db: &Db,
    model: &Resource,
) -> String {
    if !may_view(&user.permissions, model) {
        return "/admin/".to_owned();
    }
    let (path, filters) = (list_path(model), request.filters());
    let query = AdminListQuery::parse(&filters, model);
    let Some(page) = query.page.filter(|page| *page > 1) else {
        return with_query(&path, &filters);
    };
    let listing = ListQuery {
        limit: 0,
        ..query.listing()
    };
    let list = model.list;
    match db.read(move |conn| Ok(list(conn, &listing)?.found)).await {
        Ok(found) => query.href(&path, page.min(page_count(found))),
        // The object is saved: if the list cannot be counted, its page is assumed to exist.
        Err(_) => with_query(&path, &filters),
    }
}
