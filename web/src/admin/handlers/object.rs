//! One row: to add it, to look at it, to change it.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::web::{Data, Path};
use oc_core::accounts::Verb;
use oc_core::admin::{Choice, Model, Object, SaveError, Values};
use oc_core::changes::lock;
use oc_core::rules::FieldError;

use crate::admin::edit::{all_choices, typed, version};
use crate::admin::form::Fields;
use crate::admin::frame::{Visit, see_other};
use crate::admin::fresh::{Posted, Prover, changes_rights};
use crate::admin::models::{self, change_path, list_path, may_view};
use crate::admin::row_page::{Form, VERSION, show, with_filters};
use crate::admin::signed_in::SignedIn;
use crate::admin::{conflict, grants, messages, save};
use crate::db::Db;
use crate::error::PageError;

/// The form for a new row.
pub(in crate::admin) async fn new(
    visit: Visit,
    user: SignedIn,
    db: Data<Db>,
    path: Path<(String, String)>,
) -> Result<HttpResponse, PageError> {
    let model = allowed(&user, &path.0, &path.1, Verb::Add)?;
    let choices = db
        .run(move |conn| Ok(all_choices(conn, model, None)?))
        .await?;
    let values = Values::default();
    let form = Form {
        model,
        object: None,
        values: &values,
        choices: &choices,
        errors: &[],
        conflict: None,
    };
    show(&visit, &user, StatusCode::OK, form)
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
    let model = allowed(&user, &path.0, &path.1, Verb::Add)?;
    let posted = Posted::of(&visit, &user, fields)?;
    if changes_rights(model, &posted.form, &Values::default())
        && let Some(page) = prover.ask(&visit, &user, &posted).await?
    {
        return Ok(page);
    }
    let fields = posted.form;
    let values = typed(model, &fields);
    let (actor, rights, sent) = (user.user.clone(), user.rights.clone(), values.clone());
    let saved = db
        .run(move |conn| {
            let saved = conn.write(|conn| save::row(conn, &actor, &rights, model, None, &sent));
            match saved {
                Ok(object) => Ok(Ok(object)),
                Err(SaveError::Invalid(errors)) => {
                    Ok(Err((errors, all_choices(conn, model, None)?)))
                }
                Err(error) => Err(fault(error)),
            }
        })
        .await?;
    match saved {
        Ok(object) => Ok(done(&visit, &user, model, &object, &fields, "Added")),
        Err((errors, choices)) => {
            let form = Form {
                model,
                object: None,
                values: &values,
                choices: &choices,
                errors: &errors,
                conflict: None,
            };
            show(&visit, &user, StatusCode::UNPROCESSABLE_ENTITY, form)
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
    if !may_view(&user.rights, model) {
        return Err(PageError::Forbidden);
    }
    let Ok(id) = path.2.parse::<i64>() else {
        return Ok(super::unknown(&visit, model, &path.2));
    };
    let found = db
        .run(move |conn| {
            let Some(object) = (model.load)(conn, id)? else {
                return Ok(None);
            };
            let choices = all_choices(conn, model, Some(id))?;
            Ok(Some((object, choices)))
        })
        .await?;
    let Some((object, choices)) = found else {
        return Ok(super::unknown(&visit, model, id));
    };
    let values = object.values.clone();
    let form = Form {
        model,
        object: Some(&object),
        values: &values,
        choices: &choices,
        errors: &[],
        conflict: None,
    };
    show(&visit, &user, StatusCode::OK, form)
}

/// How an attempt to change a row ended.
enum Changed {
    Saved(Object),
    Kept(Object),
    Invalid(Vec<FieldError>, Object, Vec<Vec<Choice>>),
    Conflict(Object, Vec<Vec<Choice>>),
    Refused,
    Gone,
}

/// Takes a change. A row that somebody else changed meanwhile is not overwritten.
pub(in crate::admin) async fn update(
    visit: Visit,
    user: SignedIn,
    db: Data<Db>,
    path: Path<(String, String, String)>,
    prover: Prover,
    fields: Fields,
) -> Result<HttpResponse, PageError> {
    visit.check_form(Some(&user), &fields)?;
    let model = allowed(&user, &path.0, &path.1, Verb::Change)?;
    let Ok(id) = path.2.parse::<i64>() else {
        return Ok(super::unknown(&visit, model, &path.2));
    };
    let posted = Posted::of(&visit, &user, fields)?;
    if model.app == "auth" {
        let held = db.run(move |conn| Ok((model.load)(conn, id)?)).await?;
        if held.is_some_and(|held| changes_rights(model, &posted.form, &held.values))
            && let Some(page) = prover.ask(&visit, &user, &posted).await?
        {
            return Ok(page);
        }
    }
    let fields = posted.form;
    let mine = typed(model, &fields);
    let (actor, rights, sent) = (user.user.clone(), user.rights.clone(), fields.clone());
    let changed = db
        .run(move |conn| {
            let outcome = conn.write(|conn| {
                lock(conn, &model.key(), id)?;
                let Some(current) = (model.load)(conn, id)? else {
                    return Ok(Changed::Gone);
                };
                if !grants::covers(conn, &rights, model, id)? {
                    return Ok(Changed::Refused);
                }
                let mine = typed(model, &sent);
                let stale =
                    sent.has(VERSION) && version(model, &current.values) != sent.text(VERSION);
                if stale && mine != current.values {
                    let choices = all_choices(conn, model, Some(id))?;
                    return Ok(Changed::Conflict(current, choices));
                }
                let Some(values) = conflict::resolved(model, &sent, &mine, &current.values) else {
                    return Ok(Changed::Kept(current));
                };
                save::row(conn, &actor, &rights, model, Some(&current), &values).map(Changed::Saved)
            });
            match outcome {
                Ok(changed) => Ok(changed),
                Err(SaveError::Missing) => Ok(Changed::Gone),
                Err(SaveError::Invalid(errors)) => match (model.load)(conn, id)? {
                    Some(current) => Ok(Changed::Invalid(
                        errors,
                        current,
                        all_choices(conn, model, Some(id))?,
                    )),
                    None => Ok(Changed::Gone),
                },
                Err(error) => Err(fault(error)),
            }
        })
        .await?;
    match changed {
        Changed::Saved(object) => Ok(done(&visit, &user, model, &object, &fields, "Changed")),
        Changed::Refused => Err(PageError::Forbidden),
        Changed::Kept(object) => Ok(see_other(&change_path(model, object.id))),
        Changed::Gone => Ok(super::unknown(&visit, model, id)),
        Changed::Invalid(errors, current, choices) => {
            let form = Form {
                model,
                object: Some(&current),
                values: &mine,
                choices: &choices,
                errors: &errors,
                conflict: None,
            };
            show(&visit, &user, StatusCode::UNPROCESSABLE_ENTITY, form)
        }
        Changed::Conflict(current, choices) => {
            let conflict = Some(conflict::View::new(model, &mine, &current.values, &choices));
            let form = Form {
                model,
                object: Some(&current),
                values: &mine,
                choices: &choices,
                errors: &[],
                conflict,
            };
            show(&visit, &user, StatusCode::CONFLICT, form)
        }
    }
}

/// The model, if this may be done with its rows.
fn allowed(
    user: &SignedIn,
    app: &str,
    name: &str,
    verb: Verb,
) -> Result<&'static Model, PageError> {
    let model = models::find(app, name).ok_or(PageError::NotFound)?;
    if user.rights.may(verb, app, name) {
        Ok(model)
    } else {
        Err(PageError::Forbidden)
    }
}

fn fault(error: SaveError) -> PageError {
    match error {
        SaveError::Database(error) => error.into(),
        error => PageError::Internal(error.into()),
    }
}

/// A word on what was done, and on to where the button leads.
fn done(
    visit: &Visit,
    user: &SignedIn,
    model: &Model,
    object: &Object,
    fields: &Fields,
    verb: &str,
) -> HttpResponse {
    let title = &object.title;
    let filters = visit.filters();
    let (more, href) = if fields.has("_continue") {
        (
            " You can go on editing below.",
            with_filters(change_path(model, object.id), &filters),
        )
    } else if fields.has("_addanother") {
        (
            " You can add another below.",
            with_filters(format!("{}add/", list_path(model)), &filters),
        )
    } else if may_view(&user.rights, model) {
        let path = list_path(model);
        (
            "",
            if filters.is_empty() {
                path
            } else {
                format!("{path}?{filters}")
            },
        )
    } else {
        ("", "/admin/".to_owned())
    };
    messages::add(
        &visit.session,
        "success",
        format!("{verb} {} \"{title}\".{more}", model.singular),
    );
    see_other(&href)
}
