//! Handlers of the add and change pages.

use accounts::Verb;
use actix_web::http::StatusCode;
use actix_web::http::header::LOCATION;
use audit::{AuditEntry, SubmittedForm};
use chrono::Utc;
use diesel::QueryResult;
use oc_core::DbConnection;
use oc_core::admin::{FormValues, Record, Resource};
use oc_core::locks::lock;
use oc_http::{PageError, PageResult};

use crate::auth::account::mail_changed_address;
use crate::auth::request::Rollback;
use crate::auth::sealed_form;
use crate::auth::staff_request::StaffRequest;
use crate::form::after_save::redirect_after_save;
use crate::form::choices::is_search;
use crate::form::conflict::resolve;
use crate::form::definition::{FORM_TOKEN, FormDefinition, VERSION};
use crate::form::gallery::store_upload;
use crate::form::page::{ANSWERED, DELETED, redisplay, with_notice};
use crate::form::save::save_with_inlines;
use crate::form::state::{FormFeedback, FormState};
use crate::history::restore::{restore, restore_revision};
use crate::history::revision::Revision;
use crate::ui::field::{RESTORE, SAVE_AS_NEW};
use crate::ui::links::{change_path, list_path, see_other};
use crate::ui::submission::Submission;

pub(crate) async fn new(staff: StaffRequest) -> PageResult {
    let resource = staff.permitted_resource(Verb::Add)?;
    open(&staff, resource, None).await
}

pub(crate) async fn edit(staff: StaffRequest) -> PageResult {
    let (resource, id) = (staff.viewable_resource()?, staff.id()?);
    open(&staff, resource, Some(id)).await
}

/// Shows the form, filled in if its submission was kept.
async fn open(staff: &StaffRequest, resource: &'static Resource, id: Option<i64>) -> PageResult {
    let definition = FormDefinition::new(staff.editor(), resource, id);
    let query = staff.query();
    let kept = sealed_form::take(staff).filter(|_| !definition.read_only);
    let state = staff.read(move |conn| match &kept {
        Some(kept) => FormState::from_submission(conn, definition, kept, FormFeedback::default()),
        None => FormState::from_query(conn, definition, &query),
    });
    state.await?.show(staff, StatusCode::OK)
}

pub(crate) async fn create(staff: StaffRequest, submission: Submission) -> PageResult {
    let submission = staff.accept(submission)?;
    let resource = staff.permitted_resource(Verb::Add)?;
    if submission.has(RESTORE.name) {
        return restore_deleted(&staff, resource, submission).await;
    }
    submit(&staff, resource, None, submission).await
}

pub(crate) async fn redirect_to_form(staff: StaffRequest) -> PageResult {
    Ok(see_other(&change_path(staff.resource()?, staff.id()?)))
}

/// Changes an object, unless somebody else changed it meanwhile.
pub(crate) async fn update(staff: StaffRequest, submission: Submission) -> PageResult {
    let submission = staff.accept(submission)?;
    if submission.has(SAVE_AS_NEW.name) {
        let resource = staff.permitted_resource(Verb::Add)?;
        if !resource.save_as {
            return Err(PageError::BadRequest);
        }
        // Each new object gets related objects of its own, with the values in the form.
        let inlines = resource.inlines.iter();
        let copy = inlines.fold(submission, |copy, inline| copy.with(inline.field, ""));
        return submit(&staff, resource, None, copy).await;
    }
    let resource = staff.permitted_resource(Verb::Change)?;
    submit(&staff, resource, Some(staff.id()?), submission).await
}

async fn submit(
    staff: &StaffRequest,
    resource: &'static Resource,
    id: Option<i64>,
    mut submission: Submission,
) -> PageResult {
    let definition = FormDefinition::new(staff.editor(), resource, id);
    if let Some(forbidden) = definition.forbidden_inline(&submission) {
        let verb = id.map_or(Verb::Add, |_| Verb::Change);
        staff.require(verb, forbidden)?;
        return Err(PageError::Forbidden);
    }
    if !is_search(resource, &submission) && is_sensitive(staff, &definition, &submission).await? {
        staff.require_reauth(&submission).await?;
    }
    if let Some(images) = resource.images {
        match store_upload(staff, images, &submission).await? {
            Ok(value) => submission = submission.with(images.field, &value),
            Err(error) => {
                return redisplay(staff, definition, submission, vec![error].into()).await;
            }
        }
    }
    let (form, sent) = (definition.clone(), submission.clone());
    let outcome = staff.try_write(move |conn| save(conn, &form, &sent));
    match (outcome.await, id) {
        (Ok(Ok(record)), _) => {
            let verb = if id.is_some() { "Changed" } else { "Added" };
            redirect_after_save(staff, resource, &record, &submission, verb).await
        }
        (Ok(Err(feedback)), _) => redisplay(staff, definition, submission, feedback).await,
        (Err(PageError::NotFound), Some(id)) => {
            offer_new_object(staff, resource, id, submission).await
        }
        (Err(error), _) => {
            let page = async |notice| {
                let feedback = FormFeedback::Notice(notice);
                redisplay(staff, definition, submission, feedback).await
            };
            with_notice(error, page).await
        }
    }
}

/// Offers what was entered for an object that was deleted meanwhile as a new object, and to restore the old one.
async fn offer_new_object(
    staff: &StaffRequest,
    resource: &'static Resource,
    id: i64,
    mut submission: Submission,
) -> PageResult {
    let are_accounts = staff.registry().access(resource).is_some();
    if !submission.has(VERSION) || !staff.user.may_add(resource) || are_accounts {
        return Err(PageError::NotFound);
    }
    let last = staff.read(move |conn| AuditEntry::last_for_object(conn, &resource.key(), id));
    let mut restore = "";
    if let Some(deletion) = last.await?.filter(|entry| entry.action == "deleted") {
        submission = submission.with(DELETED, &deletion.id.to_string());
        restore = ", or restore the original below";
    }
    let path = format!("{}add/", list_path(resource));
    sealed_form::keep(staff, staff.user.user.id, &path, &submission)?;
    let model = resource.singular;
    let text = format!(
        "Someone else deleted this {model} while you were editing. Your changes have not been saved. Save to add it as a \
         new {model}{restore}."
    );
    Ok(staff.warn(text, &path))
}

/// Restores the object that was deleted while its form was filled in, unless somebody has, and saves the form.
async fn restore_deleted(
    staff: &StaffRequest,
    resource: &'static Resource,
    submission: Submission,
) -> PageResult {
    staff.require(Verb::Change, resource)?;
    // Restoring what gives permissions asks for the password.
    if staff.registry().access(resource).is_some() {
        return Err(PageError::BadRequest);
    }
    let entry_id = submission.text(DELETED).parse::<i64>();
    let entry_id = entry_id.map_err(|_| PageError::BadRequest)?;
    let found = staff.db.read(move |conn| {
        let entry = AuditEntry::find(conn, entry_id)?;
        let is_deletion = entry.model == resource.key() && entry.action == "deleted";
        let id = entry.object_id.filter(|_| is_deletion);
        let id = id.ok_or(PageError::BadRequest)?;
        Ok((id, resource.load(conn, id)?.is_some(), entry))
    });
    let (id, exists, entry) = found.await?;
    if !exists {
        let (done, failed) = (change_path(resource, id), staff.target());
        let response = restore(staff, (&done, &failed), move |conn, editor| {
            restore_revision(conn, editor, Revision::new(entry))
        });
        let response = response.await?;
        let location = response.headers().get(LOCATION);
        if location.is_none_or(|path| path != done.as_str()) {
            sealed_form::keep(staff, staff.user.user.id, &failed, &submission)?;
            return Ok(response);
        }
    }
    submit(staff, resource, Some(id), submission).await
}

/// Whether a submission gives or takes permissions.
async fn is_sensitive(
    staff: &StaffRequest,
    definition: &FormDefinition,
    submission: &Submission,
) -> Result<bool, PageError> {
    let resource = definition.resource;
    let Some(rules) = staff.registry().access(resource) else {
        return Ok(false);
    };
    let before = match definition.id {
        None => FormValues::default(),
        Some(id) => {
            let record = staff.read(move |conn| resource.find(conn, id));
            record.await?.values
        }
    };
    let after = definition.form_values(submission);
    Ok(rules.is_sensitive(&before, &after.with_defaults(before.clone())))
}

/// Saves a submission, unless it is rejected or asks for a search. Requires a transaction.
fn save(
    conn: &mut DbConnection,
    definition: &FormDefinition,
    submission: &Submission,
) -> Result<Record, Rollback<FormFeedback>> {
    let FormDefinition { resource, id, .. } = *definition;
    let author = definition.editor.user.id;
    if is_search(resource, submission) {
        if let Some(id) = id {
            resource.find(conn, id)?;
        }
        return Err(Rollback::Rejected(FormFeedback::default()));
    }
    let is_new = id.is_none() && submission.has(FORM_TOKEN);
    let form = is_new.then(|| SubmittedForm::new(author, &resource.key(), &submission.to_text()));
    if let Some(form) = &form
        && let Some(id) = form.find(conn)?
        && let Some(added) = resource.load(conn, id)?
    {
        return Ok(added);
    }
    let mut values = definition.form_values(submission);
    let mut current = None;
    if let Some(id) = id {
        lock(conn, &resource.key(), id)?;
        let stored = resource.find(conn, id)?;
        let resolved = resolve(conn, definition, submission, values, &stored)?;
        values = resolved
            .map_err(|conflict| Rollback::Rejected(FormFeedback::Conflict(Box::new(conflict))))?;
        current = Some(stored);
    }
    let before = definition.rows(conn, current.as_ref(), &values)?;
    let saved = save_with_inlines(conn, definition, current.as_ref(), &values);
    let saved = saved.map_err(Rollback::from_save_error)?;
    let after = definition.rows(conn, Some(&saved), &saved.values)?;
    let changed = after
        .iter()
        .filter(|row| before.iter().all(|old| old.1 != row.1));
    if let Some((field, text)) = question(conn, changed, &submission.list(ANSWERED))? {
        return Err(Rollback::Rejected(FormFeedback::Question(field, text)));
    }
    let registry = definition.editor.registry;
    if let Some(before) = &current
        && registry
            .access(resource)
            .is_some_and(|rules| rules.are_accounts)
    {
        mail_changed_address(conn, registry, before, &saved)?;
    }
    if let Some(form) = form {
        form.insert(conn, saved.id, Utc::now().naive_utc())?;
    }
    Ok(saved)
}

/// The first question about rows that were changed, with the name of its field. Fields in `answered` don't ask.
fn question<'a>(
    conn: &mut DbConnection,
    changed: impl Iterator<Item = &'a (&'static Resource, Record)>,
    answered: &[String],
) -> QueryResult<Option<(&'static str, String)>> {
    for (resource, record) in changed {
        for field in resource.fields {
            if let Some(ask) = field.question
                && !answered.iter().any(|name| name == field.name)
                && let Some(text) = ask(conn, record.id, &record.values)?
            {
                return Ok(Some((field.name, text)));
            }
        }
    }
    Ok(None)
}
