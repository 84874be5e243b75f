//! Handlers of the deletion of one object.

use accounts::Verb;
use actix_web::HttpResponse;
use actix_web::web::{Data, Path};
use oc_core::admin::Resource;
use oc_http::{Db, PageError};

use crate::auth::current_user::CurrentUser;
use crate::auth::reauth::Reauth;
use crate::auth::request::AdminRequest;
use crate::delete::cascade::Cascade;
use crate::delete::execute::execute;
use crate::delete::page::{Question, show};
use crate::form::after_save::list_href;
use crate::ui::links::{change_path, see_other, with_filters};
use crate::ui::submission::Submission;

/// Shows what would be deleted.
pub(crate) async fn ask(
    request: AdminRequest,
    user: CurrentUser,
    db: Data<Db>,
    path: Path<(String, String, String)>,
) -> Result<HttpResponse, PageError> {
    let registry = request.registry();
    let model = registry.allowed(&user.permissions, (&path.0, &path.1), Verb::Delete)?;
    let Ok(id) = path.2.parse::<i64>() else {
        return Ok(request.unknown_object(model, &path.2));
    };
    let permissions = user.permissions.clone();
    let cascade = db
        .read(move |conn| Ok(Cascade::new(conn, registry, model, &[id], &permissions)?))
        .await?;
    if cascade.rows.is_empty() {
        return Ok(request.unknown_object(model, id));
    }
    show(&request, &user, &cascade, question(&request, model, id))
}

fn question(request: &AdminRequest, model: &Resource, id: i64) -> Question {
    Question {
        hidden: Vec::new(),
        back_href: with_filters(change_path(model, id), &request.filters()),
    }
}

/// Deletes the object.
pub(crate) async fn delete(
    request: AdminRequest,
    user: CurrentUser,
    db: Data<Db>,
    path: Path<(String, String, String)>,
    reauth: Reauth,
    fields: Submission,
) -> Result<HttpResponse, PageError> {
    let fields = request.accept(&user, fields)?;
    let registry = request.registry();
    let model = registry.allowed(&user.permissions, (&path.0, &path.1), Verb::Delete)?;
    let Ok(id) = path.2.parse::<i64>() else {
        return Ok(request.unknown_object(model, &path.2));
    };
    if fields.text("post") != "yes" {
        return Ok(see_other(&request.target()));
    }
    if registry.access(model).is_some()
        && let Some(page) = reauth.require(&request, &user, &fields).await?
    {
        return Ok(page);
    }
    let question = question(&request, model, id);
    let titles = match execute(&request, &user, &db, model, vec![id], &fields, question).await? {
        Ok(titles) => titles,
        Err(page) => return Ok(page),
    };
    let [title] = titles.as_slice() else {
        return Ok(request.unknown_object(model, id));
    };
    request.session.add_message(
        "success",
        format!("Deleted {} \"{title}\".", model.singular),
    );
    Ok(see_other(&list_href(&request, &user, &db, model).await))
}
