//! One row: to add it, to look at it, to open its form.

use accounts::Verb;
use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::web::{Data, Path};
use oc_core::admin::{FormValues, SaveError};

use crate::admin::auth::current_user::CurrentUser;
use crate::admin::auth::reauth::{Posted, Reauth, changes_rights};
use crate::admin::form::choices::is_search;
use crate::admin::form::definition::FormDefinition;
use crate::admin::form::page::{FormDisplay, show};
use crate::admin::form::state::FormState;
use crate::admin::form::{after_save, beside, inline, load, retry};
use crate::admin::registry::{self, change_path};
use crate::admin::ui::form_data::Submission;
use crate::admin::ui::popup;
use crate::admin::ui::request::{AdminRequest, see_other};
use crate::db::Db;
use crate::error::PageError;

/// The form for a new row.
pub(crate) async fn new(
    request: AdminRequest,
    user: CurrentUser,
    db: Data<Db>,
    path: Path<(String, String)>,
) -> Result<HttpResponse, PageError> {
    let model = registry::allowed(&user.rights, &path.0, &path.1, Verb::Add)?;
    load::new(&request, &user, &db, model, Submission::default()).await
}

/// Takes a new row.
pub(crate) async fn create(
    request: AdminRequest,
    user: CurrentUser,
    db: Data<Db>,
    path: Path<(String, String)>,
    reauth: Reauth,
    fields: Submission,
) -> Result<HttpResponse, PageError> {
    request.check_form(Some(&user), &fields)?;
    let model = registry::allowed(&user.rights, &path.0, &path.1, Verb::Add)?;
    if let Some(hidden) = beside::opened(&request, &user, &fields) {
        return load::new(&request, &user, &db, model, hidden).await;
    }
    if fields.has(beside::CLOSE) {
        return popup::close(&request, model, &fields);
    }
    let posted = Posted::of(&request, &user, fields)?;
    if !is_search(model, &posted.form)
        && changes_rights(model, &posted.form, &FormValues::default())
        && let Some(page) = reauth.require(&request, &user, &posted).await?
    {
        return Ok(page);
    }
    let fields = posted.form;
    let layout = FormDefinition::of(model, &user.rights, true);
    if layout.forbids(&fields) {
        return Err(PageError::Forbidden);
    }
    let (actor, rights, sent) = (user.user.clone(), user.rights.clone(), fields.clone());
    let form = (layout.clone(), None);
    let saved = db
        .run(move |conn| {
            let values = layout.typed(&sent);
            let errors = if is_search(model, &sent) {
                Vec::new()
            } else {
                let saved =
                    conn.write(|conn| inline::save(conn, &actor, &rights, &layout, None, &values));
                match saved {
                    Ok(object) => return Ok(Ok(object)),
                    Err(SaveError::Invalid(errors)) => errors,
                    Err(error) => return Err(error.into()),
                }
            };
            let opened = FormState::with(conn, layout, None, values, &sent)?;
            Ok(Err((errors, opened)))
        })
        .await;
    let saved = match saved {
        Ok(saved) => saved,
        Err(error) => return retry::redisplay(&request, &user, &db, form, fields, error).await,
    };
    match saved {
        Ok(object) => {
            after_save::redirect_after_save(&request, &user, &db, model, &object, &fields, "Added")
                .await
        }
        Err((errors, opened)) => {
            let status = if errors.is_empty() {
                StatusCode::OK
            } else {
                StatusCode::UNPROCESSABLE_ENTITY
            };
            let form = FormDisplay {
                errors: &errors,
                sent: fields,
                ..FormDisplay::default()
            };
            show(&request, &user, status, &opened, form)
        }
    }
}

/// A row's own address leads to its form.
pub(crate) async fn lead(
    request: AdminRequest,
    path: Path<(String, String, String)>,
    _: CurrentUser,
) -> Result<HttpResponse, PageError> {
    let (app, name, id) = path.into_inner();
    let model = registry::find(&app, &name).ok_or(PageError::NotFound)?;
    match id.parse() {
        Ok(id) => Ok(see_other(&change_path(model, id))),
        Err(_) => Ok(crate::admin::auth::lookup::unknown(&request, model, &id)),
    }
}

/// The form of a row, or the row to look at for who may not change it.
pub(crate) async fn edit(
    request: AdminRequest,
    user: CurrentUser,
    db: Data<Db>,
    path: Path<(String, String, String)>,
) -> Result<HttpResponse, PageError> {
    let model = registry::find(&path.0, &path.1).ok_or(PageError::NotFound)?;
    let row = (model, path.2.as_str());
    let hidden = beside::taken_along(&request);
    let page = load::stored(&request, &user, &db, row, hidden).await?;
    Ok(page.unwrap_or_else(|| crate::admin::auth::lookup::unknown(&request, model, &path.2)))
}
