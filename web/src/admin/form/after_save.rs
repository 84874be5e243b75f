//! Where a form leads once its row is stored.

use actix_web::HttpResponse;
use oc_core::admin::{Listing, Model, Object};

use crate::admin::auth::current_user::SignedIn;
use crate::admin::list::query::{Asked, pages, with_filters, with_query};
use crate::admin::registry::{change_path, list_path, may_view};
use crate::admin::ui::form_data::Fields;
use crate::admin::ui::messages;
use crate::admin::ui::popup;
use crate::admin::ui::request::{Visit, see_other};
use crate::db::Db;
use crate::error::PageError;

/// A word on what was done, and on to where the button leads.
pub(crate) async fn done(
    visit: &Visit,
    user: &SignedIn,
    db: &Db,
    model: &Model,
    object: &Object,
    fields: &Fields,
    verb: &str,
) -> Result<HttpResponse, PageError> {
    let text = format!("{verb} {} \"{}\".", model.singular, object.title);
    if popup::is_one(visit) {
        return popup::done(visit, user, db, model, object, fields, text).await;
    }
    let filters = visit.filters();
    let (more, href) = if fields.has("_continue") {
        (
            " You can continue editing below.",
            with_filters(change_path(model, object.id), &filters),
        )
    } else if fields.has("_addanother") {
        (
            " You can add another below.",
            with_filters(format!("{}add/", list_path(model)), &filters),
        )
    } else {
        ("", list_href(visit, user, db, model).await)
    };
    messages::add(&visit.session, "success", format!("{text}{more}"));
    Ok(see_other(&href))
}

/// The list that one came from, on the page that was open or the last one that is left; the index for who may not see
/// it.
pub(crate) async fn list_href(visit: &Visit, user: &SignedIn, db: &Db, model: &Model) -> String {
    if !may_view(&user.rights, model) {
        return "/admin/".to_owned();
    }
    let (path, filters) = (list_path(model), visit.filters());
    let asked = Asked::parse(&filters, model);
    let Some(page) = asked.page.filter(|page| *page > 1) else {
        return with_query(&path, &filters);
    };
    let listing = Listing {
        limit: 0,
        ..asked.listing()
    };
    let list = model.list;
    match db.read(move |conn| Ok(list(conn, &listing)?.found)).await {
        Ok(found) => asked.href(&path, page.min(pages(found))),
        // What is stored stays stored: where nobody can say, the page is taken for there.
        Err(_) => with_query(&path, &filters),
    }
}
