//! The confirmation page of a deletion.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use oc_core::admin::{Record, Resource};
use oc_http::{Page, PageError};
use serde::Serialize;

use crate::auth::current_user::CurrentUser;
use crate::auth::request::AdminRequest;
use crate::delete::cascade::Cascade;
use crate::delete::execute::SHOWN;
use crate::registry::may_view;
use crate::ui::field::Hidden;
use crate::ui::layout::Breadcrumb;
use crate::ui::links::{capitalized, change_path, list_path};

#[derive(Serialize)]
struct DeletePage {
    heading: String,
    counts: Vec<String>,
    groups: Vec<Gone>,
    blocked: Vec<String>,
    hidden: Vec<Hidden>,
    back_href: String,
}

impl Page for DeletePage {
    const TEMPLATE: &'static str = "admin/delete.html";
}

/// Objects of one resource that will be deleted.
#[derive(Serialize)]
struct Gone {
    label: String,
    objects: Vec<GoneObject>,
    /// The number of objects that are not shown.
    more: Option<String>,
}

#[derive(Serialize)]
struct GoneObject {
    title: String,
    href: Option<String>,
}

/// The most objects of a resource that are shown.
const SHOWN_AT_MOST: usize = 1_000;

/// The message if the question has to be asked again.
pub(crate) const CHANGED: &str =
    "The items to delete have changed. Nothing has been deleted yet. Check them again.";

/// Renders the page.
pub(crate) fn show(
    request: &AdminRequest,
    user: &CurrentUser,
    cascade: &Cascade,
    mut hidden: Vec<Hidden>,
    back_href: String,
) -> Result<HttpResponse, PageError> {
    let model = cascade.model;
    let what = match cascade.rows.len() {
        1 => model.singular.to_owned(),
        count => format!("{count} {}", model.plural),
    };
    let blocked = cascade.blocked(&user.rights);
    let heading = if blocked.is_empty() {
        format!("Delete {what}?")
    } else {
        format!("Cannot delete {what}")
    };
    let kinds = cascade.counts();
    let count = |(model, objects): &(&Resource, Vec<&Record>)| {
        let word = if objects.len() == 1 {
            model.singular
        } else {
            model.plural
        };
        format!("{} {word}", objects.len())
    };
    let gone = |(model, objects): &(&'static Resource, Vec<&Record>)| Gone {
        label: capitalized(if objects.len() == 1 {
            model.singular
        } else {
            model.plural
        }),
        more: (objects.len() > SHOWN_AT_MOST).then(|| {
            let more = objects.len() - SHOWN_AT_MOST;
            let word = if more == 1 {
                model.singular
            } else {
                model.plural
            };
            format!("and {more} more {word}")
        }),
        objects: objects
            .iter()
            .take(SHOWN_AT_MOST)
            .map(|object| GoneObject {
                title: object.title.clone(),
                href: may_view(&user.rights, model).then(|| change_path(model, object.id)),
            })
            .collect(),
    };
    hidden.push(Hidden {
        name: SHOWN.to_owned(),
        value: cascade.mark(),
    });
    let page = DeletePage {
        counts: kinds.values().map(count).collect(),
        groups: kinds.values().map(gone).collect(),
        blocked,
        hidden,
        back_href,
        heading: heading.clone(),
    };
    let plural = capitalized(model.plural);
    let list = list_path(model);
    let step = may_view(&user.rights, model).then_some((plural.as_str(), list.as_str()));
    let crumbs = Breadcrumb::trail(step.as_slice(), "Delete");
    request.page(StatusCode::OK, Some(user), &heading, crumbs, page)
}
