//! Handlers of the add and change pages.

use accounts::User;
use accounts::Verb;
use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::web::{Data, Path};
use audit::SubmittedForm;
use chrono::Utc;
use oc_core::DbConnection;
use oc_core::admin::{FormValues, Record, Resource, SaveError};
use oc_core::locks::lock;
use oc_core::validation::FieldError;
use oc_http::{Db, PageError};

use crate::auth::account::mail_changed_address;
use crate::auth::sealed_form;
use crate::auth::staff_request::StaffRequest;
use crate::form::after_save::redirect_after_save;
use crate::form::choices::is_search;
use crate::form::conflict::{ConflictView, Resolution, differ, resolve};
use crate::form::definition::{FORM_TOKEN, FormDefinition, VERSION};
use crate::form::page::{ANSWERED, FormDisplay};
use crate::form::retry::redisplay;
use crate::form::save::save_with_inlines;
use crate::form::state::FormState;
use crate::gallery::upload::store_uploads;
use crate::ui::field::SAVE_AS_NEW;
use crate::ui::links::{change_path, list_path, see_other};
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
    staff: StaffRequest,
    path: Path<(String, String)>,
) -> Result<HttpResponse, PageError> {
    let resource = staff.find_allowed(&path.0, &path.1, Verb::Add)?;
    let definition = FormDefinition::new(staff.registry(), resource, &staff.user.permissions, true);
    let query = Submission::parse(staff.http.query_string().as_bytes());
    let kept = sealed_form::take(&staff, &staff.user);
    let display = staff.db.read(move |conn| {
        let state = match &kept {
            Some(kept) => FormState::submitted(conn, definition, None, kept)?,
            None => FormState::initial(conn, definition, &query)?,
        };
        Ok(FormDisplay::new(state, kept.unwrap_or_default()))
    });
    display.await?.show(&staff, StatusCode::OK)
}

/// Adds an object.
pub(crate) async fn create(
    staff: StaffRequest,
    path: Path<(String, String)>,
    submission: Submission,
) -> Result<HttpResponse, PageError> {
    let submission = staff.accept(submission)?;
    let resource = staff.find_allowed(&path.0, &path.1, Verb::Add)?;
    submit(&staff, resource, None, submission).await
}

/// Redirects an object's own address to its form.
pub(crate) async fn redirect_to_form(
    staff: StaffRequest,
    path: Path<(String, String, String)>,
) -> Result<HttpResponse, PageError> {
    let resource = staff.registry().find(&path.0, &path.1);
    let resource = resource.ok_or(PageError::NotFound)?;
    match path.2.parse() {
        Ok(id) => Ok(see_other(&change_path(resource, id))),
        Err(_) => Ok(staff.unknown_object(resource, &path.2)),
    }
}

/// The form of an object, read-only without the permission to change it.
pub(crate) async fn edit(
    staff: StaffRequest,
    path: Path<(String, String, String)>,
) -> Result<HttpResponse, PageError> {
    let (registry, permissions) = (staff.registry(), &staff.user.permissions);
    let resource = registry.visible(permissions, (&path.0, &path.1))?;
    let Ok(id) = path.2.parse::<i64>() else {
        return Ok(staff.unknown_object(resource, &path.2));
    };
    let definition = FormDefinition::new(registry, resource, permissions, false);
    let query = Submission::parse(staff.http.query_string().as_bytes());
    let read_only = !permissions.may(Verb::Change, resource.app, resource.name);
    let kept = sealed_form::take(&staff, &staff.user).filter(|_| !read_only);
    let display = staff.db.read(move |conn| {
        let Some(record) = (resource.load)(conn, id)? else {
            return Ok(None);
        };
        let state = match &kept {
            _ if read_only => FormState::read_only(conn, definition, record)?,
            Some(kept) => FormState::submitted(conn, definition, Some(record), kept)?,
            None => FormState::stored(conn, definition, record, &query)?,
        };
        let display = FormDisplay::new(state, kept.unwrap_or_default());
        Ok(Some(display.keeping_version()))
    });
    match display.await? {
        Some(display) => display.show(&staff, StatusCode::OK),
        None => Ok(staff.unknown_object(resource, id)),
    }
}

/// Changes an object, unless somebody else changed it meanwhile.
pub(crate) async fn update(
    staff: StaffRequest,
    path: Path<(String, String, String)>,
    submission: Submission,
) -> Result<HttpResponse, PageError> {
    let submission = staff.accept(submission)?;
    if submission.has(SAVE_AS_NEW.name) {
        let resource = staff.find_allowed(&path.0, &path.1, Verb::Add)?;
        if !resource.save_as {
            return Err(PageError::BadRequest);
        }
        // Each new object gets related objects of its own, with the values in the form.
        let inlines = resource.inlines.iter();
        let copy = inlines.fold(submission, |copy, inline| copy.with(inline.field, ""));
        return submit(&staff, resource, None, copy).await;
    }
    let resource = staff.find_allowed(&path.0, &path.1, Verb::Change)?;
    match path.2.parse() {
        Ok(id) => submit(&staff, resource, Some(id), submission).await,
        Err(_) => Ok(staff.unknown_object(resource, &path.2)),
    }
}

/// Saves a submission, or shows its form again.
async fn submit(
    staff: &StaffRequest,
    resource: &'static Resource,
    id: Option<i64>,
    submission: Submission,
) -> Result<HttpResponse, PageError> {
    let permissions = &staff.user.permissions;
    let definition = FormDefinition::new(staff.registry(), resource, permissions, id.is_none());
    if definition.forbids(&submission) {
        return Err(PageError::Forbidden);
    }
    if !is_search(resource, &submission)
        && is_sensitive(&staff.db, &definition, id, &submission).await?
        && let Some(page) = staff.require_reauth(&submission).await?
    {
        return Ok(page);
    }
    let (submission, errors) = match resource.images {
        Some(images) => store_uploads(staff, images, submission).await?,
        None => (submission, Vec::new()),
    };
    if !errors.is_empty() {
        return reject_upload(staff, definition, id, submission, errors).await;
    }
    let (actor, form, sent) = (staff.actor(), definition.clone(), submission.clone());
    let outcome = staff
        .db
        .run(move |conn| save_or_redisplay(conn, &actor, form, id, sent));
    match outcome.await {
        Ok(Outcome::Saved(record)) => {
            let verb = if id.is_some() { "Changed" } else { "Added" };
            redirect_after_save(staff, resource, &record, &submission, verb).await
        }
        Ok(Outcome::Discarded) => Ok(see_other(&change_path(resource, id.unwrap_or_default()))),
        Ok(Outcome::Gone) => offer_new_object(staff, resource, id.unwrap_or_default(), &submission),
        Ok(Outcome::Redisplay(display)) => {
            let status = display.status();
            display.show(staff, status)
        }
        Err(error) => redisplay(staff, definition, id, submission, error).await,
    }
}

/// Offers what was entered for an object that was deleted meanwhile as a new object.
fn offer_new_object(
    staff: &StaffRequest,
    resource: &Resource,
    id: i64,
    submission: &Submission,
) -> Result<HttpResponse, PageError> {
    let are_accounts = staff.registry().access(resource).is_some();
    let may_add = staff.registry().may_add(&staff.user.permissions, resource);
    if !submission.has(VERSION) || !may_add || are_accounts {
        return Ok(staff.unknown_object(resource, id));
    }
    let path = format!("{}add/", list_path(resource));
    sealed_form::keep(staff, staff.user.user.id, &path, submission)?;
    let model = resource.singular;
    let text = format!(
        "Someone else deleted this {model} while you were editing. Your changes have not been saved. Save to add them as a \
         new {model}."
    );
    staff.session.add_message("warning", text);
    Ok(see_other(&path))
}

/// The form again, because its file was rejected.
async fn reject_upload(
    staff: &StaffRequest,
    definition: FormDefinition,
    id: Option<i64>,
    submission: Submission,
    errors: Vec<FieldError>,
) -> Result<HttpResponse, PageError> {
    let resource = definition.resource;
    let display = staff.db.read(move |conn| {
        let current = match id {
            Some(id) => (resource.load)(conn, id)?,
            None => None,
        };
        if id.is_some() && current.is_none() {
            return Ok(None);
        }
        let state = FormState::submitted(conn, definition, current, &submission)?;
        let display = FormDisplay::new(state, submission).keeping_version();
        Ok(Some(FormDisplay { errors, ..display }))
    });
    match display.await? {
        Some(display) => display.show(staff, StatusCode::UNPROCESSABLE_ENTITY),
        None => Ok(staff.unknown_object(resource, id.unwrap_or_default())),
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
    Ok(before.is_some_and(|before| {
        let after = after.with_defaults(before.clone());
        registry.is_sensitive_change(resource, &before, &after)
    }))
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
    let is_new = id.is_none() && submission.has(FORM_TOKEN) && !is_search(resource, submission);
    let form = is_new.then(|| SubmittedForm::new(actor.id, &resource.key(), &submission.to_text()));
    if let Some(form) = &form
        && let Some(id) = form.find(conn)?
        && let Some(added) = (resource.load)(conn, id)?
    {
        return Ok(Outcome::Saved(added));
    }
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
        let stored = (current.id, &theirs);
        let initial = definition.initial_version(submission.text(VERSION));
        values = definition.keep_untouched(&initial, values, &theirs);
        let is_stale = submission.has(VERSION) && definition.is_stale(&initial, &theirs);
        if is_stale && differ(definition, &values, &theirs) {
            let conflict = ConflictView::new(conn, definition, &initial, &values, stored)?;
            return redisplay(conn, Some(conflict));
        }
        values = match resolve(definition, submission, values.clone(), &theirs) {
            Resolution::Store(values) => values,
            Resolution::Keep => return Ok(Outcome::Discarded),
            Resolution::Undecided => {
                let conflict =
                    ConflictView::undecided(conn, definition, submission, &values, stored)?;
                return redisplay(conn, Some(conflict));
            }
        };
    }
    let answered = submission.list(ANSWERED);
    if let Some((field, text)) = definition.question(conn, current.as_ref(), &values, &answered)? {
        let state = FormState::submitted(conn, definition.clone(), current.clone(), submission)?;
        let display = FormDisplay::new(state, submission.clone());
        return Ok(Outcome::Redisplay(Box::new(FormDisplay {
            question: Some((field, text)),
            ..display
        })));
    }
    let saved = save_with_inlines(conn, actor, definition, current.as_ref(), &values)?;
    if let Some(before) = &current
        && definition
            .registry
            .access(resource)
            .is_some_and(|rules| rules.are_accounts)
    {
        mail_changed_address(conn, definition.registry, before, &saved)?;
    }
    if let Some(form) = form {
        form.insert(conn, saved.id, Utc::now().naive_utc())?;
    }
    Ok(Outcome::Saved(saved))
}
