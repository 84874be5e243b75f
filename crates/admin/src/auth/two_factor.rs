//! Two-factor authentication pages: setup, new recovery codes, turning it off, also for another user.

use accounts::{RecoveryCode, SecondFactor, Session};
use actix_web::http::StatusCode;
use chrono::Utc;
use oc_http::{Page, PageError, PageResult};
use serde::Serialize;

use crate::auth::account::{
    CODES_REPLACED, FACTOR_OFF, FACTOR_ON, account_trail, log_account_change, turn_off_factor,
};
use crate::auth::current_user::TWO_FACTOR;
use crate::auth::staff_request::{StaffRequest, forbid_unless};
use crate::auth::totp::{Qr, Secret};
use crate::registry::ACCOUNTS;
use crate::ui::field::{ErrorSummary, FieldView, Section};
use crate::ui::links::{change_path, see_other};
use crate::ui::submission::Submission;

const TITLE: &str = "Two-factor authentication";
const WRONG: &str = "The code does not match. Enter the code that the app shows now.";

#[derive(Serialize)]
struct SetUpPage {
    is_required: bool,
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

#[derive(Serialize)]
struct CodesPage {
    codes: Vec<String>,
}

impl Page for CodesPage {
    const TEMPLATE: &'static str = "admin/recovery_codes.html";
}

#[derive(Serialize)]
struct UserFactorPage {
    username: String,
    since: Option<String>,
    back_href: String,
}

impl Page for UserFactorPage {
    const TEMPLATE: &'static str = "admin/user_factor.html";
}

pub(crate) async fn show(staff: StaffRequest) -> PageResult {
    let (id, zone) = (staff.user.user.id, staff.registry().time_zone);
    let factor = staff.read(move |conn| {
        let Some(factor) = SecondFactor::find(conn, id)? else {
            return Ok(None);
        };
        Ok(Some(FactorPage {
            since: zone.date_time(factor.created_at),
            codes_left: RecoveryCode::count(conn, id)?,
        }))
    });
    match factor.await? {
        Some(page) => staff.page_below_index(StatusCode::OK, TITLE, page),
        None => set_up(&staff, StatusCode::OK, &Secret::random(), Vec::new()),
    }
}

pub(crate) async fn update(staff: StaffRequest, submission: Submission) -> PageResult {
    let submission = staff.accept(submission)?;
    let action = submission.text("action");
    // The page was open while this was turned on or off elsewhere.
    if (action == "on") == staff.user.has_factor {
        return Ok(see_other(TWO_FACTOR));
    }
    staff.require_reauth(&submission).await?;
    let (registry, actor) = (staff.registry(), staff.actor());
    match action {
        "on" => turn_on(&staff, &submission).await,
        "codes" => {
            let codes = staff.write(move |conn| {
                log_account_change(conn, registry, Some(&actor), &actor, CODES_REPLACED)?;
                RecoveryCode::replace_all(conn, actor.id)
            });
            show_codes(&staff, &codes.await?)
        }
        "off" => {
            let turned_off = staff.write(move |conn| {
                SecondFactor::delete(conn, actor.id)?;
                log_account_change(conn, registry, Some(&actor), &actor, FACTOR_OFF)
            });
            turned_off.await?;
            let response = staff.succeed("Two-factor authentication is off.", TWO_FACTOR);
            staff.remember_browser(response).await
        }
        _ => Err(PageError::BadRequest),
    }
}

/// Turns it on if the code is right, and ends the user's other sessions.
async fn turn_on(staff: &StaffRequest, submission: &Submission) -> PageResult {
    let (registry, actor, session_id) = (staff.registry(), staff.actor(), staff.user.session_id);
    let sealed = submission.text("secret").to_owned();
    let secret = Secret::open(staff.key(), actor.id, &sealed).ok_or(PageError::BadRequest)?;
    let now = Utc::now().naive_utc();
    let code = submission.text("code");
    let Some(step) = secret.step_of(code, now) else {
        let error = match code.trim() {
            "" => "Code is required.",
            _ => WRONG,
        };
        let status = StatusCode::UNPROCESSABLE_ENTITY;
        return set_up(staff, status, &secret, vec![error.to_owned()]);
    };
    let codes = staff.write(move |conn| {
        if !SecondFactor::insert(conn, actor.id, &sealed, step, now)? {
            return Ok(None);
        }
        Session::end_all(conn, actor.id, Some(session_id))?;
        log_account_change(conn, registry, Some(&actor), &actor, FACTOR_ON)?;
        RecoveryCode::replace_all(conn, actor.id).map(Some)
    });
    let codes = codes.await?;
    staff.session.set_authenticated()?;
    let Some(codes) = codes else {
        return Ok(see_other(TWO_FACTOR));
    };
    let text = "Two-factor authentication is on.";
    staff.session.add_message("success", text);
    staff.remember_browser(show_codes(staff, &codes)?).await
}

fn set_up(
    staff: &StaffRequest,
    status: StatusCode,
    secret: &Secret,
    errors: Vec<String>,
) -> PageResult {
    let user = &staff.user.user;
    let code = FieldView {
        required: true,
        help: Some("The six digits that the app shows.".to_owned()),
        errors,
        autocomplete: Some("one-time-code"),
        ..FieldView::new("code", "Code", "number")
    };
    let page = SetUpPage {
        is_required: user.is_superuser && staff.state.require_totp,
        error_summary: ErrorSummary::for_fields([&code].into_iter()),
        qr: Qr::new(secret, user),
        app_href: secret.uri(user),
        secret: secret.text(),
        sealed: secret.sealed(staff.key(), user.id),
        sections: vec![vec![code].into()],
    };
    staff.page_below_index(status, TITLE, page)
}

fn show_codes(staff: &StaffRequest, codes: &[RecoveryCode]) -> PageResult {
    let codes = codes.iter().map(RecoveryCode::grouped).collect();
    let page = CodesPage { codes };
    staff.page_below_index(StatusCode::OK, "Recovery codes", page)
}

/// The status of another user's, for superusers.
pub(crate) async fn show_of_user(staff: StaffRequest) -> PageResult {
    forbid_unless(staff.user.user.is_superuser)?;
    let owner = staff.find_account().await?;
    if owner.id == staff.user.user.id {
        return Ok(see_other(TWO_FACTOR));
    }
    let factor = staff
        .read(move |conn| SecondFactor::find(conn, owner.id))
        .await?;
    let (breadcrumbs, form) = account_trail(&owner, TITLE);
    let heading = format!("{TITLE}: {}", owner.username);
    let page = UserFactorPage {
        username: owner.username,
        since: factor.map(|factor| staff.registry().time_zone.date_time(factor.created_at)),
        back_href: form,
    };
    staff.page(StatusCode::OK, &heading, breadcrumbs, page)
}

pub(crate) async fn delete_of_user(staff: StaffRequest, submission: Submission) -> PageResult {
    let submission = staff.accept(submission)?;
    forbid_unless(staff.user.user.is_superuser)?;
    let owner = staff.find_account().await?;
    if owner.id == staff.user.user.id {
        return Ok(see_other(TWO_FACTOR));
    }
    if submission.text("action") != "off" {
        return Err(PageError::BadRequest);
    }
    staff.require_reauth(&submission).await?;
    let form = change_path(ACCOUNTS, owner.id);
    let (registry, actor, username) = (staff.registry(), staff.actor(), owner.username.clone());
    let was_on = staff.write(move |conn| turn_off_factor(conn, registry, Some(&actor), &owner));
    if was_on.await? {
        let text = format!("Two-factor authentication of “{username}” is off.");
        return Ok(staff.succeed(text, &form));
    }
    let text = format!("“{username}” does not use two-factor authentication.");
    Ok(staff.warn(text, &form))
}
