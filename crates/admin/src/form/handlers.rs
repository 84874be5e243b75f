//! Handlers of the add and change pages.

use accounts::User;
use accounts::Verb;
use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::web::{Data, Path};
use oc_core::DbConnection;
use oc_core::admin::{FormValues, Record, Resource, SaveError};
use oc_core::locks::lock;
use oc_http::{Db, PageError};

use crate::auth::current_user::CurrentUser;
use crate::auth::reauth::Reauth;
use crate::auth::request::AdminRequest;
use crate::auth::sealed_form;
use crate::form::after_save::redirect_after_save;
use crate::form::choices::is_search;
use crate::form::conflict::{ConflictView, Resolution, resolve};
use crate::form::definition::{FormDefinition, VERSION};
use crate::form::page::FormDisplay;
use crate::form::retry::redisplay;
use crate::form::save::save_with_inlines;
use crate::form::state::FormState;
use crate::registry::may_view;
use crate::ui::links::{change_path, see_other};
use crate::ui::submission::Submission;

/// How a submission ended.
enum Outcome {
    Saved(Record),
    /// The user chose the stored version over their own.
    Discarded,
    Redisplay(Box<FormDisplay>),
    Gone,
}

/// The form to add an object.
pub(crate) async fn new(
    request: AdminRequest,
    user: CurrentUser,
    db: Data<Db>,
    path: Path<(String, String)>,
) -> Result<HttpResponse, PageError> {
    let (registry, path) = (request.registry(), (&*path.0, &*path.1));
    let resource = registry.allowed(&user.rights, path, Verb::Add)?;
    let definition = FormDefinition::new(registry, resource, &user.rights, true);
    let query = Submission::parse(request.http.query_string().as_bytes());
    let kept = sealed_form::take(&request, &user);
    let display = db
        .read(move |conn| {
            Ok(match kept {
                Some(kept) => {
                    let state = FormState::submitted(conn, definition, None, &kept)?;
                    FormDisplay::new(state, kept)
                }
                None => FormDisplay::new(
                    FormState::initial(conn, definition, &query)?,
                    Submission::default(),
                ),
            })
        })
        .await?;
    display.show(&request, &user, StatusCode::OK)
}

/// Adds an object.
pub(crate) async fn create(
    request: AdminRequest,
    user: CurrentUser,
    db: Data<Db>,
    path: Path<(String, String)>,
    reauth: Reauth,
    submission: Submission,
) -> Result<HttpResponse, PageError> {
    let submission = request.accept(&user, submission)?;
    let path = (&*path.0, &*path.1);
    let resource = request.registry().allowed(&user.rights, path, Verb::Add)?;
    submit(&request, &user, &db, (resource, None), &reauth, submission).await
}

/// Redirects an object's own address to its form.
pub(crate) async fn redirect_to_form(
    request: AdminRequest,
    path: Path<(String, String, String)>,
    _: CurrentUser,
) -> Result<HttpResponse, PageError> {
    let (app, name, id) = path.into_inner();
    let resource = request
        .registry()
        .find(&app, &name)
        .ok_or(PageError::NotFound)?;
    match id.parse() {
        Ok(id) => Ok(see_other(&change_path(resource, id))),
        Err(_) => Ok(request.unknown_object(resource, &id)),
    }
}

/// The form of an object, read-only without the permission to change it.
pub(crate) async fn edit(
    request: AdminRequest,
    user: CurrentUser,
    db: Data<Db>,
    path: Path<(String, String, String)>,
) -> Result<HttpResponse, PageError> {
    let registry = request.registry();
    let resource = registry.find(&path.0, &path.1).ok_or(PageError::NotFound)?;
    if !may_view(&user.rights, resource) {
        return Err(PageError::Forbidden);
    }
    let Ok(id) = path.2.parse::<i64>() else {
        return Ok(request.unknown_object(resource, &path.2));
    };
    let definition = FormDefinition::new(registry, resource, &user.rights, false);
    let query = Submission::parse(request.http.query_string().as_bytes());
    let read_only = !user.rights.may(Verb::Change, resource.app, resource.name);
    let kept = sealed_form::take(&request, &user).filter(|_| !read_only);
    let display = db
        .read(move |conn| {
            let Some(record) = (resource.load)(conn, id)? else {
                return Ok(None);
            };
            Ok(Some(match kept {
                _ if read_only => FormDisplay::new(
                    FormState::read_only(conn, definition, record)?,
                    Submission::default(),
                ),
                Some(kept) => {
                    let state = FormState::submitted(conn, definition, Some(record), &kept)?;
                    FormDisplay::new(state, kept).keeping_version()
                }
                None => FormDisplay::new(
                    FormState::stored(conn, definition, record, &query)?,
                    Submission::default(),
                ),
            }))
        })
        .await?;
    match display {
        Some(display) => display.show(&request, &user, StatusCode::OK),
        None => Ok(request.unknown_object(resource, id)),
    }
}

/// Changes an object, unless somebody else changed it meanwhile.
pub(crate) async fn update(
    request: AdminRequest,
    user: CurrentUser,
    db: Data<Db>,
    path: Path<(String, String, String)>,
    reauth: Reauth,
    submission: Submission,
) -> Result<HttpResponse, PageError> {
    let submission = request.accept(&user, submission)?;
    let (app, name, id) = (&*path.0, &*path.1, &path.2);
    let resource = request
        .registry()
        .allowed(&user.rights, (app, name), Verb::Change)?;
    let Ok(id) = id.parse::<i64>() else {
        return Ok(request.unknown_object(resource, id));
    };
    submit(
        &request,
        &user,
        &db,
        (resource, Some(id)),
        &reauth,
        submission,
    )
    .await
}

/// Saves a submission, or shows its form again.
async fn submit(
    request: &AdminRequest,
    user: &CurrentUser,
    db: &Data<Db>,
    (resource, id): (&'static Resource, Option<i64>),
    reauth: &Reauth,
    submission: Submission,
) -> Result<HttpResponse, PageError> {
    let definition = FormDefinition::new(request.registry(), resource, &user.rights, id.is_none());
    if definition.forbids(&submission) {
        return Err(PageError::Forbidden);
    }
    if !is_search(resource, &submission)
        && is_sensitive(db, &definition, id, &submission).await?
        && let Some(page) = reauth.require(request, user, &submission).await?
    {
        return Ok(page);
    }
    let (actor, form, sent) = (user.user.clone(), definition.clone(), submission.clone());
    let outcome = db
        .run(move |conn| save_or_redisplay(conn, &actor, form, id, sent))
        .await;
    match outcome {
        Ok(Outcome::Saved(record)) => {
            let verb = if id.is_some() { "Changed" } else { "Added" };
            redirect_after_save(request, user, db, (resource, &record), &submission, verb).await
        }
        Ok(Outcome::Discarded) => Ok(see_other(&change_path(resource, id.unwrap_or_default()))),
        Ok(Outcome::Gone) => Ok(request.unknown_object(resource, id.unwrap_or_default())),
        Ok(Outcome::Redisplay(display)) => {
            let status = display.status();
            display.show(request, user, status)
        }
        Err(error) => redisplay(request, user, db, (definition, id), submission, error).await,
    }
}

/// Whether a submission gives or takes permissions.
async fn is_sensitive(
    db: &Data<Db>,
    definition: &FormDefinition,
    id: Option<i64>,
    submission: &Submission,
) -> Result<bool, PageError> {
    let (registry, resource) = (definition.registry, definition.resource);
    if registry.access(resource).is_none() {
        return Ok(false);
    }
    let before = match id {
        None => Some(FormValues::default()),
        Some(id) => {
            let record = db.read(move |conn| Ok((resource.load)(conn, id)?)).await?;
            record.map(|record| record.values)
        }
    };
    let after = definition.form_values(submission);
    Ok(before.is_some_and(|before| registry.is_sensitive_change(resource, &before, &after)))
}

fn save_or_redisplay(
    conn: &mut DbConnection,
    actor: &User,
    definition: FormDefinition,
    id: Option<i64>,
    submission: Submission,
) -> Result<Outcome, PageError> {
    let resource = definition.resource;
    match conn.write(|conn| save(conn, actor, &definition, id, &submission)) {
        Ok(outcome) => Ok(outcome),
        Err(SaveError::Missing) => Ok(Outcome::Gone),
        Err(SaveError::Invalid(errors)) => {
            let current = match id {
                Some(id) => (resource.load)(conn, id)?,
                None => None,
            };
            if id.is_some() && current.is_none() {
                return Ok(Outcome::Gone);
            }
            let state = FormState::submitted(conn, definition, current, &submission)?;
            let display = FormDisplay::new(state, submission);
            Ok(Outcome::Redisplay(Box::new(FormDisplay {
                errors,
                ..display
            })))
        }
        Err(SaveError::Database(error)) => Err(error.into()),
    }
}

fn save(
    conn: &mut DbConnection,
    actor: &User,
    definition: &FormDefinition,
    id: Option<i64>,
    submission: &Submission,
) -> Result<Outcome, SaveError> {
    let resource = definition.resource;
    let current = match id {
        None => None,
        Some(id) => {
            lock(conn, &resource.key(), id)?;
            match (resource.load)(conn, id)? {
                None => return Ok(Outcome::Gone),
                current => current,
            }
        }
    };
    let redisplay = |conn: &mut DbConnection, conflict| {
        let state = FormState::submitted(conn, definition.clone(), current.clone(), submission)?;
        let display = FormDisplay::new(state, submission.clone());
        Ok(Outcome::Redisplay(Box::new(FormDisplay {
            conflict,
            ..display
        })))
    };
    if is_search(resource, submission) {
        return match redisplay(conn, None)? {
            Outcome::Redisplay(display) => {
                Ok(Outcome::Redisplay(Box::new(display.keeping_version())))
            }
            outcome => Ok(outcome),
        };
    }
    let mut values = definition.form_values(submission);
    if let Some(current) = &current {
        let theirs = definition.stored(conn, current)?;
        let initial = definition.initial_version(submission.text(VERSION));
        values = definition.keep_untouched(&initial, values, &theirs);
        let is_stale = submission.has(VERSION) && definition.is_stale(&initial, &theirs);
        if is_stale && definition.differ(&values, &theirs) {
            let conflict = ConflictView::new(conn, definition, &initial, &values, &theirs)?;
            return redisplay(conn, Some(conflict));
        }
        values = match resolve(definition, submission, values.clone(), &theirs) {
            Resolution::Store(values) => values,
            Resolution::Keep => return Ok(Outcome::Discarded),
            Resolution::Undecided => {
                let conflict =
                    ConflictView::undecided(conn, definition, submission, &values, &theirs)?;
                return redisplay(conn, Some(conflict));
            }
        };
    }
    save_with_inlines(conn, actor, definition, current.as_ref(), &values).map(Outcome::Saved)
}
