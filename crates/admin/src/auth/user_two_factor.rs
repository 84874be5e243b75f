//! The page where superusers turn off another user's two-factor authentication.

use accounts::{Factor, Session, User};
use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::web::{Data, Path};
use oc_http::{Db, Page, PageError};
use serde::Serialize;

use crate::auth::current_user::{CurrentUser, TWO_FACTOR};
use crate::auth::managed_user::find_managed;
use crate::auth::reauth::Reauth;
use crate::auth::request::AdminRequest;
use crate::auth::totp;
use crate::ui::layout::Breadcrumb;
use crate::ui::links::{change_path, list_path, see_other};
use crate::ui::submission::Submission;

#[derive(Serialize)]
struct FactorPage {
    heading: String,
    username: String,
    since: Option<String>,
    back_href: String,
}

impl Page for FactorPage {
    const TEMPLATE: &'static str = "admin/user_factor.html";
}

/// The status.
pub(crate) async fn show(
    request: AdminRequest,
    user: CurrentUser,
    db: Data<Db>,
    id: Path<String>,
) -> Result<HttpResponse, PageError> {
    let Some(owner) = owner(&request, &user, &db, &id).await? else {
        return Ok(request.unknown_object(request.registry().accounts()?, id));
    };
    if owner.id == user.user.id {
        return Ok(see_other(TWO_FACTOR));
    }
    let owner_id = owner.id;
    let factor = db
        .read(move |conn| Ok(Factor::find(conn, owner_id)?))
        .await?;
    let since = |factor: Factor| factor.created_at.format("%Y-%m-%d %H:%M UTC").to_string();
    let change = change_path(request.registry().accounts()?, owner.id);
    let heading = format!("Two-factor authentication: {}", owner.username);
    let page = FactorPage {
        heading: heading.clone(),
        username: owner.username.clone(),
        since: factor.map(since),
        back_href: change.clone(),
    };
    let users = list_path(request.registry().accounts()?);
    let steps = [
        ("Users", users.as_str()),
        (owner.username.as_str(), change.as_str()),
    ];
    let crumbs = Breadcrumb::trail(&steps, "Two-factor authentication");
    request.page(StatusCode::OK, Some(&user), &heading, crumbs, page)
}

/// Turns it off and ends that user's sessions: somebody may have found the phone.
pub(crate) async fn delete(
    request: AdminRequest,
    user: CurrentUser,
    db: Data<Db>,
    id: Path<String>,
    reauth: Reauth,
    fields: Submission,
) -> Result<HttpResponse, PageError> {
    let fields = request.accept(&user, fields)?;
    let Some(owner) = owner(&request, &user, &db, &id).await? else {
        return Ok(request.unknown_object(request.registry().accounts()?, id));
    };
    if owner.id == user.user.id {
        return Ok(see_other(TWO_FACTOR));
    }
    if fields.text("action") != "off" {
        return Err(PageError::BadRequest);
    }
    if let Some(page) = reauth.require(&request, &user, &fields).await? {
        return Ok(page);
    }
    let back = change_path(request.registry().accounts()?, owner.id);
    let key = request.registry().accounts()?.key();
    let (actor, name) = (user.user.clone(), owner.username.clone());
    let was_on = db
        .run(move |conn| {
            Ok(conn.write(|conn| {
                let was_on = Factor::delete(conn, owner.id)?;
                if was_on {
                    Session::end_all(conn, owner.id, None)?;
                    totp::record(conn, &key, Some(&actor), &owner, totp::OFF)?;
                }
                Ok::<_, diesel::result::Error>(was_on)
            })?)
        })
        .await?;
    let (level, text) = if was_on {
        (
            "success",
            format!("Two-factor authentication of \"{name}\" is off."),
        )
    } else {
        (
            "warning",
            format!("\"{name}\" does not use two-factor authentication."),
        )
    };
    request.session.add_message(level, text);
    Ok(see_other(&back))
}

/// The user, for superusers only.
async fn owner(
    request: &AdminRequest,
    user: &CurrentUser,
    db: &Data<Db>,
    id: &str,
) -> Result<Option<User>, PageError> {
    if !user.user.is_superuser {
        return Err(PageError::Forbidden);
    }
    find_managed(request, user, db, id).await
}
