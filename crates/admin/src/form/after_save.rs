//! Redirects after an object was saved, and the end of a pop-up window that a form opened for it. Without script, its links
//! open plain pages.

use actix_web::http::StatusCode;
use oc_core::admin::{FieldKind, ListQuery, Record, Resource};
use oc_http::{Page, PageResult};
use serde::Serialize;

use crate::auth::staff_request::StaffRequest;
use crate::columns::own_fields;
use crate::form::definition::VERSION;
use crate::list_query::{AdminListQuery, page_count};
use crate::ui::field::SAVE_AS_NEW;
use crate::ui::layout::Message;
use crate::ui::links::{capitalized, change_path, list_path, see_other, with_filters, with_query};
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
    let continues = continues && staff.user.may_view(resource);
    if staff.is_popup() && !continues {
        return finish_popup(staff, resource, record, submission, verb).await;
    }
    let href = staff
        .object_href(resource, record.id)
        .filter(|_| !continues);
    let message = Message::done(verb, resource, &record.title, href);
    let (form, sentence) = if continues {
        let form = change_path(resource, record.id);
        (Some(form), "You can continue editing below.")
    } else if submission.has("_addanother") {
        let form = format!("{}add/", list_path(resource));
        (Some(form), "You can add another below.")
    } else {
        (None, "")
    };
    let path = match form {
        Some(form) if staff.is_popup() => with_query(&form, staff.http.query_string()),
        Some(form) => with_filters(form, &staff.filters()),
        None => list_href(staff, resource).await,
    };
    staff.session.add(message.and(sentence));
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

/// The last page of a pop-up: its data tell the script what to choose.
#[derive(Serialize)]
struct PopupPage {
    text: String,
    action: &'static str,
    value: String,
    label: String,
    back_href: String,
}

impl Page for PopupPage {
    const TEMPLATE: &'static str = "admin/popup.html";
}

/// Ends a pop-up after a save: the script closes it and chooses the object.
async fn finish_popup(
    staff: &StaffRequest,
    resource: &Resource,
    record: &Record,
    submission: &Submission,
    verb: &str,
) -> PageResult {
    // The label of the choice may be longer than the title.
    let registry = staff.registry();
    let kind = FieldKind::Choice(resource.app, resource.name);
    let mut fields = registry.all().flat_map(own_fields);
    let choice = fields.find(|bound| bound.field.kind == kind);
    let value = record.id.to_string();
    let values = [value.clone()];
    let labels = staff.read(move |conn| match choice {
        Some(bound) => registry.labels(conn, bound.resource, bound.field, &values),
        None => Ok(Vec::new()),
    });
    let label = labels.await?.into_iter().next().map(|choice| choice.label);
    let page = PopupPage {
        text: format!("{verb} {} “{}”.", resource.singular, record.title),
        action: if submission.has(VERSION) {
            "change"
        } else {
            "add"
        },
        value,
        label: label.unwrap_or_else(|| record.title.clone()),
        back_href: list_path(resource),
    };
    let breadcrumbs = staff.resource_trail(resource, &record.title);
    staff.page(
        StatusCode::OK,
        &capitalized(resource.singular),
        breadcrumbs,
        page,
    )
}
