//! One row: to add it, to look at it, to open its form.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::web::{Data, Path};
use oc_core::accounts::Verb;
use oc_core::admin::{SaveError, Values};

use crate::admin::choices::is_search;
use crate::admin::form::Fields;
use crate::admin::frame::{Visit, see_other};
use crate::admin::fresh::{Posted, Prover, changes_rights};
use crate::admin::layout::Layout;
use crate::admin::models::{self, change_path};
use crate::admin::opened::Opened;
use crate::admin::row_page::{Form, show};
use crate::admin::signed_in::SignedIn;
use crate::admin::{after_save, beside, inside, opening, popup, unsaved};
use crate::db::Db;
use crate::error::PageError;

/// The form for a new row.
pub(in crate::admin) async fn new(
    visit: Visit,
    user: SignedIn,
    db: Data<Db>,
    path: Path<(String, String)>,
) -> Result<HttpResponse, PageError> {
    let model = models::allowed(&user.rights, &path.0, &path.1, Verb::Add)?;
    opening::new(&visit, &user, &db, model, Fields::default()).await
}

/// Takes a new row.
pub(in crate::admin) async fn create(
    visit: Visit,
    user: SignedIn,
    db: Data<Db>,
    path: Path<(String, String)>,
    prover: Prover,
    fields: Fields,
) -> Result<HttpResponse, PageError> {
    visit.check_form(Some(&user), &fields)?;
    let model = models::allowed(&user.rights, &path.0, &path.1, Verb::Add)?;
    if let Some(hidden) = beside::opened(&visit, &user, &fields) {
        return opening::new(&visit, &user, &db, model, hidden).await;
    }
    if fields.has(beside::CLOSE) {
        return popup::close(&visit, model, &fields);
    }
    let posted = Posted::of(&visit, &user, fields)?;
    if !is_search(model, &posted.form)
        && changes_rights(model, &posted.form, &Values::default())
        && let Some(page) = prover.ask(&visit, &user, &posted).await?
    {
        return Ok(page);
    }
    let fields = posted.form;
    let layout = Layout::of(model, &user.rights, true);
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
                    conn.write(|conn| inside::save(conn, &actor, &rights, &layout, None, &values));
                match saved {
                    Ok(object) => return Ok(Ok(object)),
                    Err(SaveError::Invalid(errors)) => errors,
                    Err(error) => return Err(error.into()),
                }
            };
            let opened = Opened::with(conn, layout, None, values, &sent)?;
            Ok(Err((errors, opened)))
        })
        .await;
    let saved = match saved {
        Ok(saved) => saved,
        Err(error) => return unsaved::again(&visit, &user, &db, form, fields, error).await,
    };
    match saved {
        Ok(object) => after_save::done(&visit, &user, &db, model, &object, &fields, "Added").await,
        Err((errors, opened)) => {
            let status = if errors.is_empty() {
                StatusCode::OK
            } else {
                StatusCode::UNPROCESSABLE_ENTITY
            };
            let form = Form {
                errors: &errors,
                sent: fields,
                ..Form::default()
            };
            show(&visit, &user, status, &opened, form)
        }
    }
}

/// A row's own address leads to its form.
pub(in crate::admin) async fn lead(
    visit: Visit,
    path: Path<(String, String, String)>,
    _: SignedIn,
) -> Result<HttpResponse, PageError> {
    let (app, name, id) = path.into_inner();
    let model = models::find(&app, &name).ok_or(PageError::NotFound)?;
    match id.parse() {
        Ok(id) => Ok(see_other(&change_path(model, id))),
        Err(_) => Ok(super::unknown(&visit, model, &id)),
    }
}

/// The form of a row, or the row to look at for who may not change it.
pub(in crate::admin) async fn edit(
    visit: Visit,
    user: SignedIn,
    db: Data<Db>,
    path: Path<(String, String, String)>,
) -> Result<HttpResponse, PageError> {
    let model = models::find(&path.0, &path.1).ok_or(PageError::NotFound)?;
    let row = (model, path.2.as_str());
    let hidden = beside::taken_along(&visit);
    let page = opening::stored(&visit, &user, &db, row, hidden).await?;
    Ok(page.unwrap_or_else(|| super::unknown(&visit, model, &path.2)))
}
