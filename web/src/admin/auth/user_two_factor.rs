//! Somebody else's second factor: superusers turn it off for who has lost it.

use accounts::{Factor, Session, User};
use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::web::{Data, Path};
use serde::Serialize;

use crate::admin::auth::current_user::{CurrentUser, TWO_FACTOR};
use crate::admin::auth::reauth::{Posted, Reauth};
use crate::admin::auth::totp;
use crate::admin::registry::{self, change_path};
use crate::admin::ui::form_data::Submission;
use crate::admin::ui::messages;
use crate::admin::ui::request::{AdminRequest, Breadcrumb, see_other};
use crate::db::Db;
use crate::error::PageError;
use crate::pages::Page;

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

/// Whether somebody has one.
pub(crate) async fn show(
    request: AdminRequest,
    user: CurrentUser,
    db: Data<Db>,
    id: Path<String>,
) -> Result<HttpResponse, PageError> {
    let Some(owner) = owner(&user, &db, &id).await? else {
        return crate::admin::auth::lookup::unknown_account(&request, &id);
    };
    if owner.id == user.user.id {
        return Ok(see_other(TWO_FACTOR));
    }
    let owner_id = owner.id;
    let factor = db
        .read(move |conn| Ok(Factor::find(conn, owner_id)?))
        .await?;
    let since = |factor: Factor| factor.created_at.format("%Y-%m-%d %H:%M UTC").to_string();
    let change = change_of(&owner)?;
    let heading = format!("Two-factor authentication: {}", owner.username);
    let page = FactorPage {
        heading: heading.clone(),
        username: owner.username.clone(),
        since: factor.map(since),
        back_href: change.clone(),
    };
    let steps = [
        ("Users", "/admin/auth/user/"),
        (owner.username.as_str(), change.as_str()),
    ];
    let crumbs = Breadcrumb::trail(&steps, "Two-factor authentication");
    request.page(StatusCode::OK, Some(&user), &heading, crumbs, page)
}

/// Turns it off, and ends that account's sessions: whoever has the phone may be in one.
pub(crate) async fn delete(
    request: AdminRequest,
    user: CurrentUser,
    db: Data<Db>,
    id: Path<String>,
    reauth: Reauth,
    fields: Submission,
) -> Result<HttpResponse, PageError> {
    request.check_form(Some(&user), &fields)?;
    let Some(owner) = owner(&user, &db, &id).await? else {
        return crate::admin::auth::lookup::unknown_account(&request, &id);
    };
    if owner.id == user.user.id {
        return Ok(see_other(TWO_FACTOR));
    }
    let posted = Posted::of(&request, &user, fields)?;
    if posted.form.text("action") != "off" {
        return Err(PageError::BadRequest);
    }
    if let Some(page) = reauth.require(&request, &user, &posted).await? {
        return Ok(page);
    }
    let back = change_of(&owner)?;
    let (actor, name) = (user.user.clone(), owner.username.clone());
    let was_on = db
        .run(move |conn| {
            Ok(conn.write(|conn| {
                let was_on = Factor::delete(conn, owner.id)?;
                if was_on {
                    Session::end_all(conn, owner.id, None)?;
                    totp::record(conn, Some(&actor), &owner, totp::OFF)?;
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
    messages::add(&request.session, level, text);
    Ok(see_other(&back))
}

/// Whose factor it is: for superusers alone.
async fn owner(user: &CurrentUser, db: &Data<Db>, id: &str) -> Result<Option<User>, PageError> {
    if !user.user.is_superuser {
        return Err(PageError::Forbidden);
    }
    crate::admin::auth::lookup::account(user, db, id).await
}

fn change_of(owner: &User) -> Result<String, PageError> {
    let model = registry::by_key("auth.user").ok_or(PageError::NotFound)?;
    Ok(change_path(model, owner.id))
}
