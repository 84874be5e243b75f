//! The login: its first step, and the second for who has a second factor.

use accounts::{Factor, User, normalized};
use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::web::{Data, Query};
use audit::Event;
use chrono::Utc;
use diesel::OptionalExtension;
use oc_http::{LoginOutcome, Metrics};
use serde::{Deserialize, Serialize};

use crate::admin::auth::current_user::CurrentUser;
use crate::admin::auth::login::{AuthenticatedUser, attempt, inside, start_session};
use crate::admin::auth::password_hasher::PasswordHasher;
use crate::admin::auth::pending_login::{self, PendingLogin};
use crate::admin::auth::throttle::{AttemptSource, AuthOutcome};
use crate::admin::auth::totp::{self, CodeKind};
use crate::admin::ui::form_data::Submission;
use crate::admin::ui::request::{AdminRequest, see_other};
use crate::db::Db;
use crate::error::PageError;
use crate::pages::Page;

const REFUSED: &str = "Incorrect username or password.";
const REFUSED_CODE: &str = "The code is wrong or has already been used. Wait for a new one.";

#[derive(Serialize)]
struct LoginPage {
    next: String,
    username: String,
    error: Option<String>,
}

impl Page for LoginPage {
    const TEMPLATE: &'static str = "admin/login.html";
}

#[derive(Serialize)]
struct CodePage {
    next: String,
    begin_href: String,
    error: Option<String>,
}

impl Page for CodePage {
    const TEMPLATE: &'static str = "admin/login_code.html";
}

/// Where to go afterwards.
#[derive(Default, Deserialize)]
pub(crate) struct Next {
    #[serde(default)]
    next: String,
}

/// The form; who is logged in already goes on.
pub(crate) async fn new(
    request: AdminRequest,
    db: Data<Db>,
    query: Option<Query<Next>>,
) -> Result<HttpResponse, PageError> {
    let Next { next } = query.map(Query::into_inner).unwrap_or_default();
    if CurrentUser::find(&db, &request.session).await?.is_some() {
        return Ok(see_other(inside(&next)));
    }
    show(&request, StatusCode::OK, next, String::new(), None)
}

/// An attempt.
pub(crate) async fn create(
    request: AdminRequest,
    db: Data<Db>,
    hasher: Data<PasswordHasher>,
    query: Option<Query<Next>>,
    fields: Submission,
) -> Result<HttpResponse, PageError> {
    request.check_form(None, &fields)?;
    let username = normalized(fields.text("username"));
    let password = fields.text("password").to_owned();
    let next = where_next(query, &fields);
    let source = AttemptSource::of(&request, username.clone());
    match attempt(&db, &hasher, source, password).await? {
        AuthOutcome::Right(welcome) if welcome.has_factor => {
            ask_for_code(&request, &welcome.user, &next)
        }
        AuthOutcome::Right(welcome) => {
            Metrics::login(&request.http, LoginOutcome::Success);
            start_session(&request, &welcome, &next)
        }
        AuthOutcome::Wrong => {
            Metrics::login(&request.http, LoginOutcome::WrongPassword);
            let error = Some(REFUSED.to_owned());
            show(&request, StatusCode::OK, next, username, error)
        }
        AuthOutcome::Throttled(delay) => {
            Metrics::login(&request.http, LoginOutcome::Throttled);
            let (status, error) = (StatusCode::TOO_MANY_REQUESTS, Some(delay.message()));
            Ok(delay.with_retry_after(show(&request, status, next, username, error)?))
        }
    }
}

/// The form for the code, for somebody whose password was right.
pub(crate) async fn new_code(
    request: AdminRequest,
    db: Data<Db>,
    query: Option<Query<Next>>,
) -> Result<HttpResponse, PageError> {
    let Next { next } = query.map(Query::into_inner).unwrap_or_default();
    if CurrentUser::find(&db, &request.session).await?.is_some() {
        return Ok(see_other(inside(&next)));
    }
    match claimant(&request, &db).await? {
        Some(_) => show_code(&request, StatusCode::OK, next, None),
        None => Ok(see_other(&login_path("/admin/login/", &next))),
    }
}

/// Takes the code.
pub(crate) async fn create_code(
    request: AdminRequest,
    db: Data<Db>,
    query: Option<Query<Next>>,
    fields: Submission,
) -> Result<HttpResponse, PageError> {
    request.check_form(None, &fields)?;
    let next = where_next(query, &fields);
    let Some(user) = claimant(&request, &db).await? else {
        // It took too long: the password is asked for again.
        return Ok(see_other(&login_path("/admin/login/", &next)));
    };
    let now = Utc::now().naive_utc();
    let source = AttemptSource::of(&request, user.username.clone());
    let attempt = match source.count(&db, now).await? {
        Ok(attempt) => attempt,
        Err(delay) => {
            Metrics::login(&request.http, LoginOutcome::Throttled);
            let (status, error) = (StatusCode::TOO_MANY_REQUESTS, Some(delay.message()));
            return Ok(delay.with_retry_after(show_code(&request, status, next, error)?));
        }
    };
    let (key, typed) = (request.key().clone(), fields.text("code").to_owned());
    let welcome = db
        .run(move |conn| {
            Ok(conn.write(|conn| {
                let taken = totp::consume_code(conn, &key, &user, &typed, now)?;
                let Some(taken) = taken else {
                    source.record(conn, Event::FactorRefused, None, Some(&user))?;
                    return Ok::<_, diesel::result::Error>(None);
                };
                attempt.clear(conn)?;
                User::note_login(conn, user.id, now)?;
                if taken == CodeKind::Recovery {
                    source.record(conn, Event::RecoveryCodeUsed, Some(&user), Some(&user))?;
                }
                source.record(conn, Event::LoggedIn, Some(&user), Some(&user))?;
                Ok(Some(AuthenticatedUser {
                    user,
                    has_factor: true,
                }))
            })?)
        })
        .await?;
    let Some(welcome) = welcome else {
        Metrics::login(&request.http, LoginOutcome::WrongCode);
        return show_code(
            &request,
            StatusCode::OK,
            next,
            Some(REFUSED_CODE.to_owned()),
        );
    };
    Metrics::login(&request.http, LoginOutcome::Success);
    let mut response = start_session(&request, &welcome, &next)?;
    response
        .add_cookie(&pending_login::removal(request.cookies()))
        .map_err(|error| PageError::Internal(error.into()))?;
    Ok(response)
}

/// Where to go afterwards: as the form says, or as the address does that it was sent to.
fn where_next(query: Option<Query<Next>>, fields: &Submission) -> String {
    match query {
        Some(query) if !fields.has("next") => query.into_inner().next,
        _ => fields.text("next").to_owned(),
    }
}

/// On to the second step.
fn ask_for_code(
    request: &AdminRequest,
    user: &User,
    next: &str,
) -> Result<HttpResponse, PageError> {
    let mut response = see_other(&login_path("/admin/login/code/", next));
    let cookie = pending_login::cookie(request.cookies(), request.key(), user, Utc::now());
    response
        .add_cookie(&cookie)
        .map_err(|error| PageError::Internal(error.into()))?;
    Ok(response)
}

/// Whose password was right a short time ago, on this browser, if they may still log in with a code.
async fn claimant(request: &AdminRequest, db: &Data<Db>) -> Result<Option<User>, PageError> {
    let Some(claim) = PendingLogin::of(&request.http, request.cookies()) else {
        return Ok(None);
    };
    let id = claim.user_id;
    let user = db
        .read(move |conn| {
            let user = User::find(conn, id).optional()?;
            let has_factor = Factor::find(conn, id)?.is_some();
            Ok(user.filter(|user| has_factor && user.is_active && user.is_staff))
        })
        .await?;
    Ok(user.filter(|user| claim.holds(request.key(), user, Utc::now())))
}

/// A page of the login, with where to go afterwards.
fn login_path(path: &str, next: &str) -> String {
    if next.is_empty() {
        return path.to_owned();
    }
    let query = form_urlencoded::Serializer::new(String::new())
        .append_pair("next", next)
        .finish();
    format!("{path}?{query}")
}

fn show(
    request: &AdminRequest,
    status: StatusCode,
    next: String,
    username: String,
    error: Option<String>,
) -> Result<HttpResponse, PageError> {
    let page = LoginPage {
        next,
        username,
        error,
    };
    request.page(status, None, "Staff login", Vec::new(), page)
}

fn show_code(
    request: &AdminRequest,
    status: StatusCode,
    next: String,
    error: Option<String>,
) -> Result<HttpResponse, PageError> {
    let page = CodePage {
        begin_href: login_path("/admin/login/", &next),
        next,
        error,
    };
    request.page(status, None, "Enter your code", Vec::new(), page)
}
