//! Redirects after an object was saved.

use oc_core::admin::{ListQuery, Record, Resource};
use oc_http::PageResult;

use crate::auth::staff_request::StaffRequest;
use crate::form::popup;
use crate::list_query::{AdminListQuery, page_count};
use crate::ui::field::SAVE_AS_NEW;
use crate::ui::layout::Message;
use crate::ui::links::{change_path, list_path, see_other, with_filters, with_query};
use crate::ui::submission::Submission;

/// Adds a message and redirects to where the button leads.
pub(crate) async fn redirect_after_save(
    staff: &StaffRequest,
    resource: &Resource,
    record: &Record,
    submission: &Submission,
    verb: &str,
) -> PageResult {
    let continues = submission.has("_continue") || submission.has(SAVE_AS_NEW.name);
    let href = staff
        .object_href(resource, record.id)
        .filter(|_| !continues);
    let message = Message::done(verb, resource, &record.title, href);
    if popup::is_popup(staff) {
        return popup::finish_popup(staff, resource, record, submission, message.to_text()).await;
    }
    let filters = staff.filters();
    let (message, path) = if continues {
        let path = change_path(resource, record.id);
        let message = message.and("You can continue editing below.");
        (message, with_filters(path, &filters))
    } else if submission.has("_addanother") {
        let path = format!("{}add/", list_path(resource));
        let message = message.and("You can add another below.");
        (message, with_filters(path, &filters))
    } else {
        (message, list_href(staff, resource).await)
    };
    staff.session.add(message);
    let access = staff.registry().access(resource);
    if let Some(advice) = access.and_then(|rules| (rules.advice)(&record.values)) {
        staff.session.add_message("warning", advice);
    }
    Ok(see_other(&path))
}

/// The list that the user came from, on the page that was open or the last one; the index without the permission to
/// view it.
pub(crate) async fn list_href(staff: &StaffRequest, model: &Resource) -> String {
    if !staff.user.may_view(model) {
        return "/admin/".to_owned();
    }
    let (path, filters) = (list_path(model), staff.filters());
    let query = AdminListQuery::parse(&filters, model);
    let Some(page) = query.page.filter(|page| *page > 1) else {
        return with_query(&path, &filters);
    };
    let listing = ListQuery {
        limit: 0,
        ..query.listing()
    };
    let list = model.list;
    let found = staff.read(move |conn| Ok(list(conn, &listing)?.found));
    match found.await {
        Ok(found) => query.href(&path, page.min(page_count(found))),
        // The object is saved: if the list cannot be counted, its page is assumed to exist.
        Err(_) => with_query(&path, &filters),
    }
}
