//! The page to change one's own password.

use accounts::User;
use accounts::{Session, policy};
use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::web::Data;
use audit::Event;
use chrono::Utc;
use oc_http::{Db, PageError};

use crate::auth::current_user::CurrentUser;
use crate::auth::password_hasher::PasswordHasher;
use crate::auth::password_page::{self, PasswordPage, RULES};
use crate::auth::reauth::Reauth;
use crate::auth::request::AdminRequest;
use crate::auth::throttle::{AttemptSource, AuthOutcome, is_password};
use crate::ui::field::{Button, ErrorSummary, FieldView, ReturnLink, Section};
use crate::ui::layout::Breadcrumb;
use crate::ui::links::see_other;
use crate::ui::submission::Submission;

const TITLE: &str = "Change password";
/// Shown if the password has to be changed.
const REQUIRED_NOTICE: &str =
    "Choose a new password to continue. The one you logged in with must be changed.";

/// Errors of the three fields.
#[derive(Default)]
struct Errors {
    current: Vec<String>,
    new: Vec<String>,
    again: Vec<String>,
}

/// The form.
pub(crate) async fn edit(
    request: AdminRequest,
    user: CurrentUser,
) -> Result<HttpResponse, PageError> {
    show(&request, &user, StatusCode::OK, Errors::default())
}

/// Checks the current and the new password, and ends every other session.
pub(crate) async fn update(
    request: AdminRequest,
    user: CurrentUser,
    db: Data<Db>,
    hasher: Data<PasswordHasher>,
    reauth: Reauth,
    fields: Submission,
) -> Result<HttpResponse, PageError> {
    let fields = request.accept(&user, fields)?;
    // The form asks for the current password; with two-factor authentication a code is required as well.
    if user.has_factor
        && let Some(page) = reauth.require(&request, &user, &fields).await?
    {
        return Ok(page);
    }
    let (old, new, again) = (
        fields.text("old_password").to_owned(),
        fields.text("new_password1").to_owned(),
        fields.text("new_password2"),
    );
    let mut errors = Errors::default();
    if old.is_empty() {
        errors
            .current
            .push("Current password is required.".to_owned());
    } else {
        match check(&request, &user, &db, &hasher, old).await? {
            AuthOutcome::Right(()) => {}
            AuthOutcome::Wrong => errors
                .current
                .push("Your current password is incorrect.".to_owned()),
            AuthOutcome::Throttled(delay) => {
                errors.current.push(delay.message());
                let page = show(&request, &user, StatusCode::TOO_MANY_REQUESTS, errors)?;
                return Ok(delay.with_retry_after(page));
            }
        }
    }
    if new.is_empty() {
        errors.new.push("New password is required.".to_owned());
    } else {
        errors.new.extend(
            policy::weaknesses(&new, &user.user.about())
                .iter()
                .map(ToString::to_string),
        );
    }
    if again.is_empty() {
        errors
            .again
            .push("Confirm new password is required.".to_owned());
    } else if again != new {
        errors.again.push("The passwords don't match.".to_owned());
    }
    if [&errors.current, &errors.new, &errors.again]
        .iter()
        .any(|list| !list.is_empty())
    {
        return show(&request, &user, StatusCode::UNPROCESSABLE_ENTITY, errors);
    }
    let hash = hasher.hash(new).await?;
    let new_hash = hash.clone();
    let key = request.registry().accounts()?.key();
    let (id, actor) = (user.user.id, user.user.clone());
    db.run(move |conn| {
        Ok(conn.write(|conn| {
            User::set_password(conn, id, &hash)?;
            User::set_must_change_password(conn, id, false)?;
            Session::end_all(conn, id, None)?;
            password_page::record(conn, Some(&actor), &key, (id, &actor.username))
        })?)
    })
    .await?;
    // This session continues under a new key.
    request.session.continue_with_password(&new_hash)?;
    request
        .session
        .add_message("success", "Your password has been changed.".to_owned());
    Ok(see_other("/admin/"))
}

/// Checks the current password. It is throttled like a login, because somebody may have found an open browser.
async fn check(
    request: &AdminRequest,
    user: &CurrentUser,
    db: &Data<Db>,
    hasher: &Data<PasswordHasher>,
    typed: String,
) -> Result<AuthOutcome<()>, PageError> {
    let source = AttemptSource::new(request, user.user.username.clone());
    let attempt = match source.count(db, Utc::now().naive_utc()).await? {
        Ok(attempt) => attempt,
        Err(delay) => return Ok(AuthOutcome::Throttled(delay)),
    };
    let user = user.user.clone();
    let is_right = is_password(hasher, typed, user.password.clone()).await?;
    db.run(move |conn| {
        if is_right {
            attempt.clear(conn)?;
            return Ok(AuthOutcome::Right(()));
        }
        source.record(conn, Event::ProofRefused, Some(&user), Some(&user))?;
        Ok(AuthOutcome::Wrong)
    })
    .await
}

fn show(
    request: &AdminRequest,
    user: &CurrentUser,
    status: StatusCode,
    errors: Errors,
) -> Result<HttpResponse, PageError> {
    let sections = vec![Section {
        title: None,
        description: None,
        inside: None,
        fields: vec![
            FieldView::password(
                "old_password",
                "Current password",
                "current-password",
                errors.current,
            ),
            FieldView::password("new_password1", "New password", "new-password", errors.new),
            FieldView::password(
                "new_password2",
                "Confirm new password",
                "new-password",
                errors.again,
            ),
        ],
    }];
    let page = PasswordPage {
        heading: TITLE.to_owned(),
        is_own: true,
        notice: user.user.must_change_password.then_some(REQUIRED_NOTICE),
        error_summary: ErrorSummary::of(&sections),
        sections,
        rules: RULES,
        buttons: Button::save("Change my password"),
        way: ReturnLink::default(),
    };
    request.page(
        status,
        Some(user),
        TITLE,
        Breadcrumb::trail(&[], TITLE),
        page,
    )
}
