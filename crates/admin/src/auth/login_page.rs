//! Login: the password, and the code for users with two-factor authentication.

use accounts::{RecoveryCode, SecondFactor, User, normalize_username};
use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::StatusCode;
use actix_web::middleware::Next;
use audit::Event;
use chrono::Utc;
use oc_http::{LoginOutcome, Metrics, Page, PageResult};
use serde::Serialize;

use crate::auth::csrf::{Csrf, with_cookie};
use crate::auth::current_user::{CurrentUser, LOGIN, LOGOUT, login_path};
use crate::auth::login::{Destination, attempt, start_session};
use crate::auth::pending_login;
use crate::auth::request::AdminRequest;
use crate::auth::sealed_form;
use crate::auth::throttle::{AttemptSource, AuthError};
use crate::auth::totp::{self, CodeKind};
use crate::ui::links::see_other;
use crate::ui::submission::{Submission, has_parts, max_body};

const WRONG_PASSWORD: &str = "Incorrect username or password.";
/// The largest form that a login page holds (bytes), because the form that logs in is limited to 64 kB.
const MAX_KEPT: usize = 60 << 10;
const WRONG_CODE: &str = "The code is wrong or has already been used. Wait for a new one.";

#[derive(Serialize)]
struct LoginPage {
    #[serde(flatten)]
    destination: Destination,
    username: String,
    error: Option<String>,
    has_reset: bool,
}

impl Page for LoginPage {
    const TEMPLATE: &'static str = "admin/login.html";
}

#[derive(Serialize)]
struct CodePage {
    #[serde(flatten)]
    destination: Destination,
    begin_href: String,
    error: Option<String>,
}

impl Page for CodePage {
    const TEMPLATE: &'static str = "admin/login_code.html";
}

/// What happened, with a link, to somebody who isn't logged in.
#[derive(Serialize)]
pub(super) struct LoginMessage {
    #[serde(skip)]
    pub(super) heading: &'static str,
    pub(super) text: &'static str,
    pub(super) href: &'static str,
    pub(super) label: &'static str,
}

impl Page for LoginMessage {
    const TEMPLATE: &'static str = "admin/login_message.html";
}

impl LoginMessage {
    pub(super) fn show(self, request: &AdminRequest) -> PageResult {
        request.page(StatusCode::OK, None, self.heading, Vec::new(), self)
    }
}

/// Pages whose submissions are not kept over the login.
const OPEN_PAGES: [&str; 4] = [LOGIN, LOGOUT, "/admin/password_reset/", "/admin/reset/"];

/// The submission of a user whose session has ended is kept, sealed, in a login page, and shown again after the login.
pub(crate) async fn keep_form_for_login(
    mut request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, actix_web::Error> {
    let http = request.request();
    let is_open = |path: &&str| http.path().starts_with(path);
    let login = AdminRequest::new(http);
    // Images are not kept: they may be large.
    let has_images = has_parts(http) && max_body(login.registry(), http.path()).is_some();
    let is_kept = login.session.user_id().is_none()
        && !http.method().is_safe()
        && !OPEN_PAGES.iter().any(is_open)
        && Csrf::is_known(http, login.cookies)
        && !has_images;
    if !is_kept {
        // Routing a request requires that nothing else refers to it.
        drop(login);
        return Ok(next.call(request).await?.map_into_boxed_body());
    }
    let submission = request.extract::<Submission>().await?;
    let target = login.target();
    let mut kept = sealed_form::seal(&login, 0, sealed_form::LOGIN, &target, &submission);
    if kept.len() > MAX_KEPT {
        kept.clear();
    }
    let destination = Destination { next: target, kept };
    let status = StatusCode::FORBIDDEN;
    let page = show(&login, status, destination, String::new(), None)?;
    drop(login);
    Ok(request.into_response(page))
}

/// The login form; users who are logged in already are redirected.
pub(crate) async fn new(request: AdminRequest) -> PageResult {
    let destination = Destination::new(&request, &Submission::default());
    if CurrentUser::find(&request).await?.is_some() {
        return Ok(see_other(destination.path()));
    }
    show(&request, StatusCode::OK, destination, String::new(), None)
}

pub(crate) async fn create(request: AdminRequest, submission: Submission) -> PageResult {
    request.check_form(None, &submission)?;
    let username = normalize_username(submission.text("username"));
    let password = submission.text("password").to_owned();
    let destination = Destination::new(&request, &submission);
    let source = AttemptSource::for_username(&request, username.clone()).await?;
    match attempt(&request, source, password).await? {
        Ok((user, Some(_))) => ask_for_code(&request, &user, destination),
        Ok(account) => {
            Metrics::login(&request.http, LoginOutcome::Success);
            start_session(&request, account, &destination)
        }
        Err(error) => {
            Metrics::login(&request.http, error.outcome(LoginOutcome::WrongPassword));
            let text = Some(error.message(WRONG_PASSWORD));
            error.respond(show(&request, StatusCode::OK, destination, username, text))
        }
    }
}

pub(crate) async fn new_code(request: AdminRequest) -> PageResult {
    let destination = Destination::new(&request, &Submission::default());
    if CurrentUser::find(&request).await?.is_some() {
        return Ok(see_other(destination.path()));
    }
    match pending_login::user(&request).await? {
        Some(_) => show_code(&request, destination, None),
        None => Ok(see_other(&login_path(LOGIN, &destination.next))),
    }
}

pub(crate) async fn create_code(request: AdminRequest, submission: Submission) -> PageResult {
    request.check_form(None, &submission)?;
    let destination = Destination::new(&request, &submission);
    let Some(user) = pending_login::user(&request).await? else {
        return Ok(see_other(&login_path(LOGIN, &destination.next)));
    };
    let now = Utc::now().naive_utc();
    let source = AttemptSource::for_username(&request, user.username.clone()).await?;
    let attempt = match source.begin(&request, Some(user.id)).await? {
        Ok(attempt) => attempt,
        Err(error) => return reject_code(&request, destination, error),
    };
    let (key, typed) = (request.key().clone(), submission.text("code").to_owned());
    let authenticated = request
        .write(move |conn| {
            let kind = totp::consume_code(conn, &key, &user, &typed, now)?;
            let Some(kind) = kind else {
                attempt.fail(conn)?;
                source.record(conn, Event::FactorRefused, None)?;
                return Ok(None);
            };
            attempt.succeed(conn)?;
            User::set_last_login(conn, user.id, now)?;
            let mut codes_left = None;
            if kind == CodeKind::Recovery {
                source.record(conn, Event::RecoveryCodeUsed, Some(&user))?;
                codes_left = Some(RecoveryCode::count(conn, user.id)?);
            }
            source.record(conn, Event::LoggedIn, Some(&user))?;
            let factor = SecondFactor::find(conn, user.id)?;
            Ok(Some(((user, factor), codes_left)))
        })
        .await?;
    let Some((account, codes_left)) = authenticated else {
        return reject_code(&request, destination, AuthError::Wrong);
    };
    Metrics::login(&request.http, LoginOutcome::Success);
    let response = start_session(&request, account, &destination)?;
    if let Some(left) = codes_left {
        let text = format!("You logged in with a recovery code. You have {left} left.");
        request.session.add_message("warning", text);
    }
    with_cookie(response, &pending_login::removal(request.cookies))
}

impl Destination {
    /// The destination in a form, or in the query of its page.
    fn new(request: &AdminRequest, submission: &Submission) -> Self {
        let query = request.query();
        let source = if submission.has("next") {
            submission
        } else {
            &query
        };
        Self {
            next: source.text("next").to_owned(),
            kept: submission.text("_kept").to_owned(),
        }
    }
}

/// Continues with the code. A kept form is too large for a redirect, so then the page comes right away.
fn ask_for_code(request: &AdminRequest, user: &User, destination: Destination) -> PageResult {
    let response = if destination.kept.is_empty() {
        see_other(&login_path("/admin/login/code/", &destination.next))
    } else {
        show_code(request, destination, None)?
    };
    let cookie = pending_login::cookie(request.cookies, request.key(), user, Utc::now());
    with_cookie(response, &cookie)
}

fn reject_code(request: &AdminRequest, destination: Destination, error: AuthError) -> PageResult {
    Metrics::login(&request.http, error.outcome(LoginOutcome::WrongCode));
    let text = Some(error.message(WRONG_CODE));
    error.respond(show_code(request, destination, text))
}

fn show(
    request: &AdminRequest,
    status: StatusCode,
    destination: Destination,
    username: String,
    error: Option<String>,
) -> PageResult {
    let page = LoginPage {
        destination,
        username,
        error,
        has_reset: request.registry().sends_mail,
    };
    request.page(status, None, "Staff login", Vec::new(), page)
}

fn show_code(
    request: &AdminRequest,
    destination: Destination,
    error: Option<String>,
) -> PageResult {
    let page = CodePage {
        begin_href: login_path(LOGIN, &destination.next),
        destination,
        error,
    };
    request.page(StatusCode::OK, None, "Enter your code", Vec::new(), page)
}
