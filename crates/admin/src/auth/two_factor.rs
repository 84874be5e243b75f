//! The page of one's own two-factor authentication: setup, new recovery codes, turning it off.

use accounts::{Factor, RecoveryCode, Session};
use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::web::Data;
use chrono::Utc;
use oc_http::{Db, Page, PageError};
use serde::Serialize;

use crate::auth::current_user::{CurrentUser, TWO_FACTOR};
use crate::auth::reauth::Reauth;
use crate::auth::request::AdminRequest;
use crate::auth::totp::{self, Qr, Secret};
use crate::ui::field::{ErrorSummary, FieldView, Section};
use crate::ui::layout::Breadcrumb;
use crate::ui::links::see_other;
use crate::ui::submission::Submission;

const TITLE: &str = "Two-factor authentication";
/// Shown if two-factor authentication is required.
const REQUIRED_NOTICE: &str =
    "Superusers must use two-factor authentication. Set it up to continue.";
const WRONG: &str = "The code does not match. Enter the code that the app shows now.";

/// The setup page.
#[derive(Serialize)]
struct SetUpPage {
    notice: Option<&'static str>,
    error_summary: Option<ErrorSummary>,
    qr: Option<Qr>,
    app_href: String,
    secret: String,
    sealed: String,
    sections: Vec<Section>,
}

impl Page for SetUpPage {
    const TEMPLATE: &'static str = "admin/two_factor_set_up.html";
}

/// The page when it is on.
#[derive(Serialize)]
struct FactorPage {
    since: String,
    codes_left: i64,
}

impl Page for FactorPage {
    const TEMPLATE: &'static str = "admin/two_factor.html";
}

/// Recovery codes, shown once.
#[derive(Serialize)]
struct CodesPage {
    codes: Vec<String>,
}

impl Page for CodesPage {
    const TEMPLATE: &'static str = "admin/recovery_codes.html";
}

/// The status, or the setup page.
pub(crate) async fn show(
    request: AdminRequest,
    user: CurrentUser,
    db: Data<Db>,
) -> Result<HttpResponse, PageError> {
    let id = user.user.id;
    let found = db
        .read(move |conn| {
            let Some(factor) = Factor::find(conn, id)? else {
                return Ok(None);
            };
            Ok(Some((factor.created_at, RecoveryCode::left(conn, id)?)))
        })
        .await?;
    let Some((since, codes_left)) = found else {
        return set_up(
            &request,
            &user,
            StatusCode::OK,
            &Secret::random(),
            Vec::new(),
        );
    };
    let page = FactorPage {
        since: since.format("%Y-%m-%d %H:%M UTC").to_string(),
        codes_left,
    };
    page_of(&request, &user, StatusCode::OK, TITLE, page)
}

/// Runs the action of the submitted button.
pub(crate) async fn update(
    request: AdminRequest,
    user: CurrentUser,
    db: Data<Db>,
    reauth: Reauth,
    fields: Submission,
) -> Result<HttpResponse, PageError> {
    let fields = request.accept(&user, fields)?;
    let action = fields.text("action").to_owned();
    // The page was open while this was turned on or off elsewhere.
    if (action == "on") == user.has_factor {
        return Ok(see_other(TWO_FACTOR));
    }
    if let Some(page) = reauth.require(&request, &user, &fields).await? {
        return Ok(page);
    }
    match action.as_str() {
        "on" => turn_on(&request, &user, &db, &fields).await,
        "codes" => new_codes(&request, &user, &db).await,
        "off" => turn_off(&request, &user, &db).await,
        _ => Err(PageError::BadRequest),
    }
}

/// Turns it on if the code is right, and ends the user's other sessions.
async fn turn_on(
    request: &AdminRequest,
    user: &CurrentUser,
    db: &Data<Db>,
    form: &Submission,
) -> Result<HttpResponse, PageError> {
    let sealed = form.text("secret").to_owned();
    let secret = Secret::open(request.key(), user.user.id, &sealed).ok_or(PageError::BadRequest)?;
    let now = Utc::now().naive_utc();
    let typed = form.text("code");
    let errors = match (typed.trim(), secret.step_of(typed, now)) {
        ("", _) => vec!["Code is required.".to_owned()],
        (_, None) => vec![WRONG.to_owned()],
        (_, Some(_)) => Vec::new(),
    };
    let Some(step) = secret.step_of(typed, now) else {
        let status = StatusCode::UNPROCESSABLE_ENTITY;
        return set_up(request, user, status, &secret, errors);
    };
    let key = request.registry().accounts()?.key();
    let (actor, session_id) = (user.user.clone(), user.session_id);
    let codes = db
        .run(move |conn| {
            Ok(conn.write(|conn| {
                if !Factor::insert(conn, actor.id, &sealed, step, now)? {
                    return Ok::<_, diesel::result::Error>(None);
                }
                Session::end_all(conn, actor.id, Some(session_id))?;
                totp::record(conn, &key, Some(&actor), &actor, totp::ON)?;
                RecoveryCode::renew(conn, actor.id).map(Some)
            })?)
        })
        .await?;
    request.session.set_authenticated()?;
    let Some(codes) = codes else {
        return Ok(see_other(TWO_FACTOR));
    };
    request
        .session
        .add_message("success", "Two-factor authentication is on.".to_owned());
    show_codes(request, user, &codes)
}

/// Replaces the recovery codes.
async fn new_codes(
    request: &AdminRequest,
    user: &CurrentUser,
    db: &Data<Db>,
) -> Result<HttpResponse, PageError> {
    let actor = user.user.clone();
    let key = request.registry().accounts()?.key();
    let codes = db
        .run(move |conn| {
            Ok(conn.write(|conn| {
                totp::record(conn, &key, Some(&actor), &actor, totp::NEW_CODES)?;
                RecoveryCode::renew(conn, actor.id)
            })?)
        })
        .await?;
    show_codes(request, user, &codes)
}

async fn turn_off(
    request: &AdminRequest,
    user: &CurrentUser,
    db: &Data<Db>,
) -> Result<HttpResponse, PageError> {
    let actor = user.user.clone();
    let key = request.registry().accounts()?.key();
    db.run(move |conn| {
        Ok(conn.write(|conn| {
            Factor::delete(conn, actor.id)?;
            totp::record(conn, &key, Some(&actor), &actor, totp::OFF)
        })?)
    })
    .await?;
    request
        .session
        .add_message("success", "Two-factor authentication is off.".to_owned());
    Ok(see_other(TWO_FACTOR))
}

fn set_up(
    request: &AdminRequest,
    user: &CurrentUser,
    status: StatusCode,
    secret: &Secret,
    errors: Vec<String>,
) -> Result<HttpResponse, PageError> {
    let code = FieldView {
        id: "id_code".to_owned(),
        name: "code".to_owned(),
        label: "Code".to_owned(),
        kind: "number",
        required: true,
        help: Some("The six digits that the app shows.".to_owned()),
        errors,
        autocomplete: Some("one-time-code"),
        ..FieldView::default()
    };
    let sections = vec![Section {
        title: None,
        description: None,
        inside: None,
        fields: vec![code],
    }];
    let is_due = user.user.is_superuser && request.requires_totp();
    let page = SetUpPage {
        notice: is_due.then_some(REQUIRED_NOTICE),
        error_summary: ErrorSummary::of(&sections),
        qr: Qr::new(secret, &user.user),
        app_href: secret.uri(&user.user),
        secret: secret.text(),
        sealed: secret.sealed(request.key(), user.user.id),
        sections,
    };
    page_of(request, user, status, TITLE, page)
}

fn show_codes(
    request: &AdminRequest,
    user: &CurrentUser,
    codes: &[RecoveryCode],
) -> Result<HttpResponse, PageError> {
    let page = CodesPage {
        codes: codes.iter().map(RecoveryCode::shown).collect(),
    };
    page_of(request, user, StatusCode::OK, "Recovery codes", page)
}

fn page_of<P: Page>(
    request: &AdminRequest,
    user: &CurrentUser,
    status: StatusCode,
    title: &str,
    page: P,
) -> Result<HttpResponse, PageError> {
    request.page(
        status,
        Some(user),
        title,
        Breadcrumb::trail(&[], title),
        page,
    )
}
