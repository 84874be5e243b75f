//! Deleting rows, with all that goes along.

use accounts::Verb;
use actix_web::HttpResponse;
use actix_web::web::{Data, Path};
use oc_core::admin::Resource;

use crate::admin::auth::current_user::CurrentUser;
use crate::admin::auth::reauth::{Posted, Reauth};
use crate::admin::delete::cascade::Cascade;
use crate::admin::delete::deletion::{DeletionOutcome, execute};
use crate::admin::delete::page::{CHANGED, show};
use crate::admin::form::after_save::list_href;
use crate::admin::list::query::with_filters;
use crate::admin::registry::{self, change_path};
use crate::admin::ui::form_data::Submission;
use crate::admin::ui::messages;
use crate::admin::ui::request::{AdminRequest, see_other};
use crate::db::Db;
use crate::error::PageError;

/// Asks, and shows all that goes along.
pub(crate) async fn ask(
    request: AdminRequest,
    user: CurrentUser,
    db: Data<Db>,
    path: Path<(String, String, String)>,
) -> Result<HttpResponse, PageError> {
    let model = allowed(&user, &path.0, &path.1)?;
    let Ok(id) = path.2.parse::<i64>() else {
        return Ok(crate::admin::auth::lookup::unknown(
            &request, model, &path.2,
        ));
    };
    let rights = user.rights.clone();
    let cascade = db
        .read(move |conn| Ok(Cascade::of(conn, model, &[id], &rights)?))
        .await?;
    if cascade.rows.is_empty() {
        return Ok(crate::admin::auth::lookup::unknown(&request, model, id));
    }
    let back = with_filters(change_path(model, id), &request.filters());
    show(&request, &user, &cascade, Vec::new(), back)
}

/// Deletes.
pub(crate) async fn delete(
    request: AdminRequest,
    user: CurrentUser,
    db: Data<Db>,
    path: Path<(String, String, String)>,
    reauth: Reauth,
    fields: Submission,
) -> Result<HttpResponse, PageError> {
    request.check_form(Some(&user), &fields)?;
    let model = allowed(&user, &path.0, &path.1)?;
    let Ok(id) = path.2.parse::<i64>() else {
        return Ok(crate::admin::auth::lookup::unknown(
            &request, model, &path.2,
        ));
    };
    let posted = Posted::of(&request, &user, fields)?;
    if posted.form.text("post") != "yes" {
        return Ok(see_other(&request.target()));
    }
    if model.app == "auth"
        && let Some(page) = reauth.require(&request, &user, &posted).await?
    {
        return Ok(page);
    }
    let done = match execute(&user, &db, model, vec![id], &posted.form).await? {
        DeletionOutcome::Deleted(titles) => titles,
        DeletionOutcome::Refused => return Err(PageError::Forbidden),
        DeletionOutcome::Other(cascade) => {
            messages::add(&request.session, "warning", CHANGED.to_owned());
            let back = with_filters(change_path(model, id), &request.filters());
            return show(&request, &user, &cascade, Vec::new(), back);
        }
    };
    let [title] = done.as_slice() else {
        return Ok(crate::admin::auth::lookup::unknown(&request, model, id));
    };
    messages::add(
        &request.session,
        "success",
        format!("Deleted {} \"{title}\".", model.singular),
    );
    Ok(see_other(&list_href(&request, &user, &db, model).await))
}

fn allowed(user: &CurrentUser, app: &str, name: &str) -> Result<&'static Resource, PageError> {
    let model = registry::find(app, name).ok_or(PageError::NotFound)?;
    if user.rights.may(Verb::Delete, app, name) {
        Ok(model)
    } else {
        Err(PageError::Forbidden)
    }
}
