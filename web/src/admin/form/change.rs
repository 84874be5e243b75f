//! A change of one row. A row that somebody else changed meanwhile is not overwritten.

use accounts::{Rights, User, Verb};
use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::web::{Data, Path};
use oc_core::DbConnection;
use oc_core::admin::{Record, SaveError};
use oc_core::locks::lock;
use oc_core::validation::FieldError;

use crate::admin::auth::current_user::CurrentUser;
use crate::admin::auth::reauth::{Posted, Reauth, changes_rights};
use crate::admin::form::choices::is_search;
use crate::admin::form::conflict::{self, Resolution};
use crate::admin::form::definition::FormDefinition;
use crate::admin::form::page::{FormDisplay, VERSION, show};
use crate::admin::form::state::FormState;
use crate::admin::form::{after_save, beside, inline, load, retry};
use crate::admin::registry::{self, change_path};
use crate::admin::ui::form_data::Submission;
use crate::admin::ui::popup;
use crate::admin::ui::request::{AdminRequest, redirect_keeping_method, see_other};
use crate::db::Db;
use crate::error::PageError;

/// How an attempt to change a row ended.
enum Changed {
    Saved(Record),
    Kept,
    Found(FormState),
    Invalid(Vec<FieldError>, FormState),
    Conflict(conflict::ConflictView, FormState),
    Gone,
}

/// Takes a change.
pub(crate) async fn update(
    request: AdminRequest,
    user: CurrentUser,
    db: Data<Db>,
    path: Path<(String, String, String)>,
    reauth: Reauth,
    fields: Submission,
) -> Result<HttpResponse, PageError> {
    request.check_form(Some(&user), &fields)?;
    let model = registry::find(&path.0, &path.1).ok_or(PageError::NotFound)?;
    if fields.has(beside::CLOSE) {
        return popup::close(&request, model, &fields);
    }
    let Ok(id) = path.2.parse::<i64>() else {
        return Ok(crate::admin::auth::lookup::unknown(
            &request, model, &path.2,
        ));
    };
    if let Some(hidden) = beside::opened(&request, &user, &fields) {
        if let Some(chosen) = popup::chosen_instead(&request, model, id, &fields) {
            return Ok(redirect_keeping_method(&chosen));
        }
        let row = (model, path.2.as_str());
        let page = load::stored(&request, &user, &db, row, hidden.clone()).await?;
        return page.map_or_else(
            || crate::admin::auth::lookup::gone(&request, model, id, &hidden),
            Ok,
        );
    }
    let model = registry::allowed(&user.rights, &path.0, &path.1, Verb::Change)?;
    let posted = Posted::of(&request, &user, fields)?;
    if model.app == "auth" && !is_search(model, &posted.form) {
        let held = db.read(move |conn| Ok((model.load)(conn, id)?)).await?;
        if held.is_some_and(|held| changes_rights(model, &posted.form, &held.values))
            && let Some(page) = reauth.require(&request, &user, &posted).await?
        {
            return Ok(page);
        }
    }
    let fields = posted.form;
    let layout = FormDefinition::of(model, &user.rights, false);
    if layout.forbids(&fields) {
        return Err(PageError::Forbidden);
    }
    let (actor, rights, sent) = (user.user.clone(), user.rights.clone(), fields.clone());
    let form = (layout.clone(), Some(id));
    let changed = db
        .run(move |conn| {
            let outcome =
                conn.write(|conn| change(conn, &actor, &rights, layout.clone(), id, &sent));
            match outcome {
                Ok(changed) => Ok(changed),
                Err(SaveError::Missing) => Ok(Changed::Gone),
                Err(SaveError::Invalid(errors)) => match (model.load)(conn, id)? {
                    Some(current) => {
                        let mine = layout.typed(&sent);
                        let opened = FormState::with(conn, layout, Some(current), mine, &sent)?;
                        Ok(Changed::Invalid(errors, opened))
                    }
                    None => Ok(Changed::Gone),
                },
                Err(error) => Err(error.into()),
            }
        })
        .await;
    let changed = match changed {
        Ok(changed) => changed,
        Err(error) => return retry::redisplay(&request, &user, &db, form, fields, error).await,
    };
    match changed {
        Changed::Saved(object) => {
            after_save::redirect_after_save(
                &request, &user, &db, model, &object, &fields, "Changed",
            )
            .await
        }
        Changed::Kept => Ok(see_other(&change_path(model, id))),
        Changed::Gone => crate::admin::auth::lookup::gone(&request, model, id, &fields),
        Changed::Found(opened) => {
            let form = FormDisplay {
                sent: fields,
                keeps_version: true,
                ..FormDisplay::default()
            };
            show(&request, &user, StatusCode::OK, &opened, form)
        }
        Changed::Invalid(errors, opened) => {
            let form = FormDisplay {
                errors: &errors,
                sent: fields,
                ..FormDisplay::default()
            };
            show(
                &request,
                &user,
                StatusCode::UNPROCESSABLE_ENTITY,
                &opened,
                form,
            )
        }
        Changed::Conflict(conflict, opened) => {
            let form = FormDisplay {
                conflict: Some(conflict),
                sent: fields,
                ..FormDisplay::default()
            };
            show(&request, &user, StatusCode::CONFLICT, &opened, form)
        }
    }
}

/// Changes a row, unless it is not as it was when the form was opened.
fn change(
    conn: &mut DbConnection,
    actor: &User,
    rights: &Rights,
    layout: FormDefinition,
    id: i64,
    sent: &Submission,
) -> Result<Changed, SaveError> {
    let model = layout.model;
    lock(conn, &model.key(), id)?;
    let Some(current) = (model.load)(conn, id)? else {
        return Ok(Changed::Gone);
    };
    let mine = layout.typed(sent);
    if is_search(model, sent) {
        let opened = FormState::with(conn, layout, Some(current), mine, sent)?;
        return Ok(Changed::Found(opened));
    }
    let theirs = layout.stored(conn, &current)?;
    let origin = layout.origin(sent.text(VERSION));
    let mine = layout.keep_untouched(&origin, mine, &theirs);
    let is_stale = sent.has(VERSION) && layout.is_stale(&origin, &theirs);
    if is_stale && layout.differ(&mine, &theirs) {
        let conflict = conflict::ConflictView::new(conn, &layout, &origin, &mine, &theirs)?;
        let opened = FormState::with(conn, layout, Some(current), mine, sent)?;
        return Ok(Changed::Conflict(conflict, opened));
    }
    let values = match conflict::resolve(&layout, sent, mine.clone(), &theirs) {
        Resolution::Store(values) => values,
        Resolution::Keep => return Ok(Changed::Kept),
        Resolution::Undecided => {
            let conflict = conflict::ConflictView::again(conn, &layout, sent, &mine, &theirs)?;
            let opened = FormState::with(conn, layout, Some(current), mine, sent)?;
            return Ok(Changed::Conflict(conflict, opened));
        }
    };
    inline::save(conn, actor, rights, &layout, Some(&current), &values).map(Changed::Saved)
}
