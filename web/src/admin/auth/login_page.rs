//! The login: its first step, and the second for who has a second factor.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::web::{Data, Query};
use chrono::Utc;
use diesel::OptionalExtension;
use oc_core::User;
use oc_core::accounts::{Factor, normalized};
use oc_core::events::Event;
use serde::{Deserialize, Serialize};

use crate::admin::auth::current_user::SignedIn;
use crate::admin::auth::login::{Welcome, attempt, inside, let_in};
use crate::admin::auth::password_hasher::Hashing;
use crate::admin::auth::pending_login::{self, Claim};
use crate::admin::auth::throttle::{Guess, Guesser};
use crate::admin::auth::totp::{self, Taken};
use crate::admin::ui::form_data::Fields;
use crate::admin::ui::request::{Visit, see_other};
use crate::db::Db;
use crate::error::PageError;
use crate::metrics::{Login, Metrics};
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
    visit: Visit,
    db: Data<Db>,
    query: Option<Query<Next>>,
) -> Result<HttpResponse, PageError> {
    let Next { next } = query.map(Query::into_inner).unwrap_or_default();
    if SignedIn::find(&db, &visit.session).await?.is_some() {
        return Ok(see_other(inside(&next)));
    }
    show(&visit, StatusCode::OK, next, String::new(), None)
}

/// An attempt.
pub(crate) async fn create(
    visit: Visit,
    db: Data<Db>,
    hashing: Data<Hashing>,
    query: Option<Query<Next>>,
    fields: Fields,
) -> Result<HttpResponse, PageError> {
    visit.check_form(None, &fields)?;
    let username = normalized(fields.text("username"));
    let password = fields.text("password").to_owned();
    let next = where_next(query, &fields);
    let guesser = Guesser::of(&visit, username.clone());
    match attempt(&db, &hashing, guesser, password).await? {
        Guess::Right(welcome) if welcome.has_factor => ask_for_code(&visit, &welcome.user, &next),
        Guess::Right(welcome) => {
            Metrics::login(&visit.request, Login::Welcome);
            let_in(&visit, &welcome, &next)
        }
        Guess::Wrong => {
            Metrics::login(&visit.request, Login::Refused);
            let error = Some(REFUSED.to_owned());
            show(&visit, StatusCode::OK, next, username, error)
        }
        Guess::Throttled(wait) => {
            Metrics::login(&visit.request, Login::Throttled);
            let (status, error) = (StatusCode::TOO_MANY_REQUESTS, Some(wait.words()));
            Ok(wait.tell(show(&visit, status, next, username, error)?))
        }
    }
}

/// The form for the code, for somebody whose password was right.
pub(crate) async fn new_code(
    visit: Visit,
    db: Data<Db>,
    query: Option<Query<Next>>,
) -> Result<HttpResponse, PageError> {
    let Next { next } = query.map(Query::into_inner).unwrap_or_default();
    if SignedIn::find(&db, &visit.session).await?.is_some() {
        return Ok(see_other(inside(&next)));
    }
    match claimant(&visit, &db).await? {
        Some(_) => show_code(&visit, StatusCode::OK, next, None),
        None => Ok(see_other(&login_path("/admin/login/", &next))),
    }
}

/// Takes the code.
pub(crate) async fn create_code(
    visit: Visit,
    db: Data<Db>,
    query: Option<Query<Next>>,
    fields: Fields,
) -> Result<HttpResponse, PageError> {
    visit.check_form(None, &fields)?;
    let next = where_next(query, &fields);
    let Some(user) = claimant(&visit, &db).await? else {
        // It took too long: the password is asked for again.
        return Ok(see_other(&login_path("/admin/login/", &next)));
    };
    let now = Utc::now().naive_utc();
    let guesser = Guesser::of(&visit, user.username.clone());
    let counted = match guesser.count(&db, now).await? {
        Ok(counted) => counted,
        Err(wait) => {
            Metrics::login(&visit.request, Login::Throttled);
            let (status, error) = (StatusCode::TOO_MANY_REQUESTS, Some(wait.words()));
            return Ok(wait.tell(show_code(&visit, status, next, error)?));
        }
    };
    let (key, typed) = (visit.key().clone(), fields.text("code").to_owned());
    let welcome = db
        .run(move |conn| {
            Ok(conn.write(|conn| {
                let taken = totp::take(conn, &key, &user, &typed, now)?;
                let Some(taken) = taken else {
                    guesser.record(conn, Event::FactorRefused, None, Some(&user))?;
                    return Ok::<_, diesel::result::Error>(None);
                };
                counted.forgive(conn)?;
                User::note_login(conn, user.id, now)?;
                if taken == Taken::Recovery {
                    guesser.record(conn, Event::RecoveryCodeUsed, Some(&user), Some(&user))?;
                }
                guesser.record(conn, Event::LoggedIn, Some(&user), Some(&user))?;
                Ok(Some(Welcome {
                    user,
                    has_factor: true,
                }))
            })?)
        })
        .await?;
    let Some(welcome) = welcome else {
        Metrics::login(&visit.request, Login::CodeRefused);
        return show_code(&visit, StatusCode::OK, next, Some(REFUSED_CODE.to_owned()));
    };
    Metrics::login(&visit.request, Login::Welcome);
    let mut response = let_in(&visit, &welcome, &next)?;
    response
        .add_cookie(&pending_login::removal(visit.cookies()))
        .map_err(|error| PageError::Internal(error.into()))?;
    Ok(response)
}

/// Where to go afterwards: as the form says, or as the address does that it was sent to.
fn where_next(query: Option<Query<Next>>, fields: &Fields) -> String {
    match query {
        Some(query) if !fields.has("next") => query.into_inner().next,
        _ => fields.text("next").to_owned(),
    }
}

/// On to the second step.
fn ask_for_code(visit: &Visit, user: &User, next: &str) -> Result<HttpResponse, PageError> {
    let mut response = see_other(&login_path("/admin/login/code/", next));
    let cookie = pending_login::cookie(visit.cookies(), visit.key(), user, Utc::now());
    response
        .add_cookie(&cookie)
        .map_err(|error| PageError::Internal(error.into()))?;
    Ok(response)
}

/// Whose password was right a short time ago, on this browser, if they may still log in with a code.
async fn claimant(visit: &Visit, db: &Data<Db>) -> Result<Option<User>, PageError> {
    let Some(claim) = Claim::of(&visit.request, visit.cookies()) else {
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
    Ok(user.filter(|user| claim.holds(visit.key(), user, Utc::now())))
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
    visit: &Visit,
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
    visit.page(status, None, "Staff login", Vec::new(), page)
}

fn show_code(
    visit: &Visit,
    status: StatusCode,
    next: String,
    error: Option<String>,
) -> Result<HttpResponse, PageError> {
    let page = CodePage {
        begin_href: login_path("/admin/login/", &next),
        next,
        error,
    };
    visit.page(status, None, "Enter your code", Vec::new(), page)
}
