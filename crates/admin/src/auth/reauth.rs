//! Re-authentication: sensitive actions require a password entered in the last 15 minutes.
//!
//! The page that asks for it holds the submission, sealed.

use actix_web::http::StatusCode;
use actix_web::{HttpMessage, HttpResponse};
use audit::Event;
use chrono::Utc;
use oc_http::{Page, PageError, PageResult};
use serde::Serialize;

use crate::auth::sealed_form::{self, REAUTH};
use crate::auth::staff_request::StaffRequest;
use crate::auth::throttle::{AttemptSource, AuthError};
use crate::auth::totp::{self, CodeKind};
use crate::ui::submission::{Credentials, Submission};

/// The field that holds the sealed submission.
const KEPT: &str = "_kept";
/// The button that returns to the form.
const CANCEL: &str = "_give_up";

const WRONG_PASSWORD: &str = "Your password is incorrect.";
const WRONG_CREDENTIALS: &str = "The password or code is wrong. Each code can be used only once.";

#[derive(Serialize)]
struct ReauthPage {
    kept: String,
    action: String,
    has_factor: bool,
    error: Option<String>,
}

impl Page for ReauthPage {
    const TEMPLATE: &'static str = "admin/confirm.html";
}

/// Attached to a request that requires a password: the page that asks for it.
pub(super) struct ReauthResponse(pub(super) HttpResponse);

impl StaffRequest {
    /// Checks the CSRF token of a form. From the page that asks for a password, this returns the submission that it
    /// holds, with the password; if the user cancels there, it redirects to the form, which is filled in.
    pub(crate) fn accept(&self, submission: Submission) -> Result<Submission, PageError> {
        let submission = self.accept_or_cancelled(submission)?;
        if submission.is_cancelled {
            let path = self.target();
            sealed_form::keep(self, self.user.user.id, &path, &submission)?;
            return Err(PageError::Redirect(path));
        }
        Ok(submission)
    }

    /// The same for pages that are not shown by a GET: the handler has to look at `is_cancelled`.
    pub(crate) fn accept_or_cancelled(
        &self,
        submission: Submission,
    ) -> Result<Submission, PageError> {
        self.check_form(&submission)?;
        if !submission.has(KEPT) {
            return Ok(submission);
        }
        let (target, sealed) = (self.target(), submission.text(KEPT));
        let original = sealed_form::open(self, self.user.user.id, REAUTH, &target, sealed);
        let mut original = original.ok_or(PageError::BadRequest)?;
        original.is_cancelled = submission.has(CANCEL);
        original.credentials = Some(Credentials {
            password: submission.text("password").to_owned(),
            code: submission.text("code").to_owned(),
        });
        Ok(original)
    }

    /// Rejects the request with a page that asks for the password, unless the user has authenticated recently or does
    /// so with this submission.
    pub(crate) async fn require_reauth(&self, submission: &Submission) -> Result<(), PageError> {
        if self.user.recently_authenticated() {
            return Ok(());
        }
        let Some(credentials) = &submission.credentials else {
            return self.reject_with(self.password_page(submission, None)?);
        };
        let (code, wrong) = if self.user.has_factor {
            (Some(&*credentials.code), WRONG_CREDENTIALS)
        } else {
            (None, WRONG_PASSWORD)
        };
        let Err(error) = self.check_password(&credentials.password, code).await? else {
            return self.session.set_authenticated();
        };
        let page = self.password_page(submission, Some(error.message(wrong)));
        self.reject_with(error.respond(page)?)
    }

    fn reject_with(&self, page: HttpResponse) -> Result<(), PageError> {
        self.http.extensions_mut().insert(ReauthResponse(page));
        Err(PageError::Forbidden)
    }

    /// Checks the user's own password, and a two-factor code if there is one to check. Counted like a login.
    pub(super) async fn check_password(
        &self,
        password: &str,
        code: Option<&str>,
    ) -> Result<Result<(), AuthError>, PageError> {
        let now = Utc::now().naive_utc();
        let user = self.actor();
        let source = AttemptSource::for_user(self, &user);
        let attempt = match source.begin(self, code.map(|_| user.id)).await? {
            Ok(attempt) => attempt,
            Err(error) => return Ok(Err(error)),
        };
        let (typed, stored) = (password.to_owned(), user.password.clone());
        let is_password = self.state.hasher.verify(typed, stored).await?.is_right();
        let (key, code) = (self.key().clone(), code.map(str::to_owned));
        let checked = self.write(move |conn| {
            // A code is consumed only together with the right password.
            let consumed = match &code {
                Some(code) if is_password => totp::consume_code(conn, &key, &user, code, now)?,
                _ => None,
            };
            if !is_password || (code.is_some() && consumed.is_none()) {
                attempt.fail(conn)?;
                source.record(conn, Event::ProofRefused, Some(&user))?;
                return Ok(Err(AuthError::Wrong));
            }
            if consumed == Some(CodeKind::Recovery) {
                source.record(conn, Event::RecoveryCodeUsed, Some(&user))?;
            }
            attempt.succeed(conn)?;
            Ok(Ok(()))
        });
        checked.await
    }

    fn password_page(&self, submission: &Submission, error: Option<String>) -> PageResult {
        let (target, user) = (self.target(), &self.user);
        let page = ReauthPage {
            kept: sealed_form::seal(self, user.user.id, REAUTH, &target, submission),
            action: target,
            has_factor: user.has_factor,
            error,
        };
        self.page_below_index(StatusCode::OK, "Confirm that it is you", page)
    }
}
