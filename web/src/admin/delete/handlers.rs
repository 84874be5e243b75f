//! Deleting rows, with all that goes along.

use actix_web::HttpResponse;
use actix_web::web::{Data, Path};
use oc_core::accounts::Verb;
use oc_core::admin::Model;

use crate::admin::auth::current_user::SignedIn;
use crate::admin::auth::reauth::{Posted, Prover};
use crate::admin::delete::cascade::Cascade;
use crate::admin::delete::deletion::{Outcome, carry_out};
use crate::admin::delete::page::{CHANGED, show};
use crate::admin::form::after_save::list_href;
use crate::admin::list::query::with_filters;
use crate::admin::registry::{self, change_path};
use crate::admin::ui::form_data::Fields;
use crate::admin::ui::messages;
use crate::admin::ui::request::{Visit, see_other};
use crate::db::Db;
use crate::error::PageError;

/// Asks, and shows all that goes along.
pub(crate) async fn ask(
    visit: Visit,
    user: SignedIn,
    db: Data<Db>,
    path: Path<(String, String, String)>,
) -> Result<HttpResponse, PageError> {
    let model = allowed(&user, &path.0, &path.1)?;
    let Ok(id) = path.2.parse::<i64>() else {
        return Ok(crate::admin::auth::lookup::unknown(&visit, model, &path.2));
    };
    let rights = user.rights.clone();
    let cascade = db
        .read(move |conn| Ok(Cascade::of(conn, model, &[id], &rights)?))
        .await?;
    if cascade.rows.is_empty() {
        return Ok(crate::admin::auth::lookup::unknown(&visit, model, id));
    }
    let back = with_filters(change_path(model, id), &visit.filters());
    show(&visit, &user, &cascade, Vec::new(), back)
}

/// Deletes.
pub(crate) async fn delete(
    visit: Visit,
    user: SignedIn,
    db: Data<Db>,
    path: Path<(String, String, String)>,
    prover: Prover,
    fields: Fields,
) -> Result<HttpResponse, PageError> {
    visit.check_form(Some(&user), &fields)?;
    let model = allowed(&user, &path.0, &path.1)?;
    let Ok(id) = path.2.parse::<i64>() else {
        return Ok(crate::admin::auth::lookup::unknown(&visit, model, &path.2));
    };
    let posted = Posted::of(&visit, &user, fields)?;
    if posted.form.text("post") != "yes" {
        return Ok(see_other(&visit.target()));
    }
    if model.app == "auth"
        && let Some(page) = prover.ask(&visit, &user, &posted).await?
    {
        return Ok(page);
    }
    let done = match carry_out(&user, &db, model, vec![id], &posted.form).await? {
        Outcome::Deleted(titles) => titles,
        Outcome::Refused => return Err(PageError::Forbidden),
        Outcome::Other(cascade) => {
            messages::add(&visit.session, "warning", CHANGED.to_owned());
            let back = with_filters(change_path(model, id), &visit.filters());
            return show(&visit, &user, &cascade, Vec::new(), back);
        }
    };
    let [title] = done.as_slice() else {
        return Ok(crate::admin::auth::lookup::unknown(&visit, model, id));
    };
    messages::add(
        &visit.session,
        "success",
        format!("Deleted {} \"{title}\".", model.singular),
    );
    Ok(see_other(&list_href(&visit, &user, &db, model).await))
}

fn allowed(user: &SignedIn, app: &str, name: &str) -> Result<&'static Model, PageError> {
    let model = registry::find(app, name).ok_or(PageError::NotFound)?;
    if user.rights.may(Verb::Delete, app, name) {
        Ok(model)
    } else {
        Err(PageError::Forbidden)
    }
}
