//! Re-authentication: sensitive actions require a password entered in the last 15 minutes.
//!
//! The page that asks for it holds the submission, sealed.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use audit::Event;
use chrono::Utc;
use oc_http::{Page, PageError, PageResult};
use serde::Serialize;

use crate::auth::sealed_form::{self, REAUTH};
use crate::auth::staff_request::StaffRequest;
use crate::auth::throttle::{AttemptSource, AuthOutcome, throttled};
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

impl StaffRequest {
    /// Checks the CSRF token of a form. From the page that asks for a password, this returns the submission that it
    /// holds, with the password; if the user cancels there, it redirects to the form, which is filled in.
    pub(crate) fn accept(&self, submission: Submission) -> Result<Submission, PageError> {
        let submission = self.accept_or_cancelled(submission)?;
        if submission.is_cancelled {
            let path = self.target();
            sealed_form::keep(self, self.user.user.id, &path, &submission)?;
            return Err(PageError::Redirect { path });
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

    /// `None` if the user has authenticated recently, or does so with this submission; otherwise the page that asks.
    pub(crate) async fn require_reauth(
        &self,
        submission: &Submission,
    ) -> Result<Option<HttpResponse>, PageError> {
        if self.user.recently_authenticated() {
            return Ok(None);
        }
        let ask = |status, error| self.ask_password(submission, status, error).map(Some);
        let Some(credentials) = &submission.credentials else {
            return ask(StatusCode::OK, None);
        };
        let has_factor = self.user.has_factor;
        let code = has_factor.then_some(credentials.code.as_str());
        match self.check_password(&credentials.password, code).await? {
            AuthOutcome::Right(()) => {
                self.session.set_authenticated()?;
                Ok(None)
            }
            AuthOutcome::Wrong if has_factor => {
                ask(StatusCode::OK, Some(WRONG_CREDENTIALS.to_owned()))
            }
            AuthOutcome::Wrong => ask(StatusCode::OK, Some(WRONG_PASSWORD.to_owned())),
            AuthOutcome::Throttled(wait) => throttled(wait, |status, error| {
                self.ask_password(submission, status, error)
            })
            .map(Some),
        }
    }

    /// Checks the user's own password, and a two-factor code if there is one to check. Counted like a login.
    pub(super) async fn check_password(
        &self,
        password: &str,
        code: Option<&str>,
    ) -> Result<AuthOutcome<()>, PageError> {
        let now = Utc::now().naive_utc();
        let user = self.actor();
        let source = AttemptSource::for_user(self, &user);
        let attempt = match source.begin(self, code.map(|_| user.id)).await? {
            Ok(attempt) => attempt,
            Err(wait) => return Ok(AuthOutcome::Throttled(wait)),
        };
        let (typed, stored) = (password.to_owned(), user.password.clone());
        let is_password = self.hasher.verify(typed, stored).await?.is_right();
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
                return Ok(AuthOutcome::Wrong);
            }
            if consumed == Some(CodeKind::Recovery) {
                source.record(conn, Event::RecoveryCodeUsed, Some(&user))?;
            }
            attempt.succeed(conn)?;
            Ok(AuthOutcome::Right(()))
        });
        checked.await
    }

    fn ask_password(
        &self,
        submission: &Submission,
        status: StatusCode,
        error: Option<String>,
    ) -> PageResult {
        let (target, user) = (self.target(), &self.user);
        let page = ReauthPage {
            kept: sealed_form::seal(self, user.user.id, REAUTH, &target, submission),
            action: target,
            has_factor: user.has_factor,
            error,
        };
        self.page_below_index(status, "Confirm that it is you", page)
    }
}
