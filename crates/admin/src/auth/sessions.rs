//! Sessions: one's own, and those of whom one may change.

use accounts::{Session, User};
use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::web::{Data, Path};
use audit::{Event, NewEvent};
use chrono::Utc;
use oc_http::{Db, Page, PageError};
use serde::Serialize;

use crate::auth::current_user::CurrentUser;
use crate::auth::managed_user::find_managed;
use crate::auth::request::AdminRequest;
use crate::auth::user_agent;
use crate::ui::layout::Breadcrumb;
use crate::ui::links::{change_path, list_path, see_other};
use crate::ui::submission::Submission;

const OWN: &str = "/admin/sessions/";

#[derive(Serialize)]
struct SessionsPage {
    heading: String,
    is_own: bool,
    rows: Vec<SessionRow>,
    /// Whether there is one beside the one that is looking.
    has_others: bool,
    back_href: Option<String>,
}

impl Page for SessionsPage {
    const TEMPLATE: &'static str = "admin/sessions.html";
}

#[derive(Serialize)]
struct SessionRow {
    id: i64,
    browser: String,
    address: String,
    began: String,
    seen: String,
    is_this: bool,
}

/// One's own.
pub(crate) async fn show(
    request: AdminRequest,
    user: CurrentUser,
    db: Data<Db>,
) -> Result<HttpResponse, PageError> {
    let rows = lines(&user, &db, user.user.id).await?;
    let page = SessionsPage {
        heading: "Sessions".to_owned(),
        is_own: true,
        has_others: rows.len() > 1,
        rows,
        back_href: None,
    };
    let crumbs = Breadcrumb::trail(&[], "Sessions");
    request.page(StatusCode::OK, Some(&user), "Sessions", crumbs, page)
}

/// Ends one of them, or all but this one.
pub(crate) async fn end(
    request: AdminRequest,
    user: CurrentUser,
    db: Data<Db>,
    fields: Submission,
) -> Result<HttpResponse, PageError> {
    request.check_form(Some(&user), &fields)?;
    let owner = user.user.clone();
    end_asked(&request, &user, &db, owner, fields.text("end"), OWN).await
}

/// Those of a user.
pub(crate) async fn show_of(
    request: AdminRequest,
    user: CurrentUser,
    db: Data<Db>,
    id: Path<String>,
) -> Result<HttpResponse, PageError> {
    let Some(owner) = find_managed(&request, &user, &db, &id).await? else {
        return Ok(request.unknown_object(request.registry().accounts()?, id));
    };
    if owner.id == user.user.id {
        return Ok(see_other(OWN));
    }
    let rows = lines(&user, &db, owner.id).await?;
    let model = request.registry().accounts()?;
    let change = change_path(model, owner.id);
    let heading = format!("Sessions: {}", owner.username);
    let page = SessionsPage {
        heading: heading.clone(),
        is_own: false,
        has_others: !rows.is_empty(),
        rows,
        back_href: Some(change.clone()),
    };
    let users = list_path(request.registry().accounts()?);
    let steps = [
        ("Users", users.as_str()),
        (owner.username.as_str(), change.as_str()),
    ];
    let crumbs = Breadcrumb::trail(&steps, "Sessions");
    request.page(StatusCode::OK, Some(&user), &heading, crumbs, page)
}

/// Ends one of them, or all.
pub(crate) async fn end_of(
    request: AdminRequest,
    user: CurrentUser,
    db: Data<Db>,
    id: Path<String>,
    fields: Submission,
) -> Result<HttpResponse, PageError> {
    request.check_form(Some(&user), &fields)?;
    let Some(owner) = find_managed(&request, &user, &db, &id).await? else {
        return Ok(request.unknown_object(request.registry().accounts()?, id));
    };
    let back = request.http.uri().path().to_owned();
    end_asked(&request, &user, &db, owner, fields.text("end"), &back).await
}

/// Ends the session with that id, or all but the one that asks.
async fn end_asked(
    request: &AdminRequest,
    user: &CurrentUser,
    db: &Data<Db>,
    owner: User,
    asked: &str,
    back: &str,
) -> Result<HttpResponse, PageError> {
    let one: Option<i64> = match asked {
        "others" => None,
        id => Some(id.parse().map_err(|_| PageError::BadRequest)?),
    };
    let (actor, this, address) = (user.user.clone(), user.session_id, request.address());
    let ended = db
        .run(move |conn| {
            Ok(conn.write(|conn| {
                let ended = match one {
                    Some(id) => usize::from(Session::end_one(conn, owner.id, id)?),
                    None => Session::end_all(conn, owner.id, Some(this))?,
                };
                if ended > 0 {
                    let event = NewEvent {
                        event: Event::SessionEnded,
                        actor: Some(actor.actor()),
                        about: &owner.username,
                        address: &address,
                    };
                    event.insert(conn)?;
                }
                Ok::<_, diesel::result::Error>(ended)
            })?)
        })
        .await?;
    let text = match ended {
        0 => "You have no other sessions.".to_owned(),
        1 => "Ended 1 session.".to_owned(),
        count => format!("Ended {count} sessions."),
    };
    request.session.add_message("success", text);
    Ok(see_other(back))
}

async fn lines(
    user: &CurrentUser,
    db: &Data<Db>,
    owner_id: i64,
) -> Result<Vec<SessionRow>, PageError> {
    let (this, now) = (user.session_id, Utc::now().naive_utc());
    let sessions = db
        .read(move |conn| Ok(Session::of_user(conn, owner_id, now)?))
        .await?;
    let line = |session: Session| SessionRow {
        id: session.id,
        browser: user_agent::describe(&session.browser),
        address: session.address,
        began: session.created_at.format("%Y-%m-%d %H:%M UTC").to_string(),
        seen: session.seen_at.format("%Y-%m-%d %H:%M UTC").to_string(),
        is_this: session.id == this,
    };
    Ok(sessions.into_iter().map(line).collect())
}
