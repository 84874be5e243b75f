//! Re-authentication: sensitive actions require a password entered in the last 15 minutes.
//!
//! The page that asks for it holds the submission, sealed.

use actix_web::dev::Payload;
use actix_web::http::StatusCode;
use actix_web::web::Data;
use actix_web::{FromRequest, HttpRequest, HttpResponse};
use audit::Event;
use chrono::Utc;
use oc_http::{Db, Page, PageError};
use serde::Serialize;

use crate::auth::current_user::CurrentUser;
use crate::auth::password_hasher::PasswordHasher;
use crate::auth::request::AdminRequest;
use crate::auth::sealed_form::{self, Purpose};
use crate::auth::throttle::{AttemptSource, AuthOutcome};
use crate::auth::totp::{self, CodeKind};
use crate::ui::layout::Breadcrumb;
use crate::ui::submission::{Credentials, Submission};

/// The field that holds the sealed submission.
const KEPT: &str = "_kept";
/// The button that returns to the form.
const CANCEL: &str = "_give_up";

const TITLE: &str = "Confirm that it is you";
const WRONG_PASSWORD: &str = "Your password is incorrect.";
const WRONG_CREDENTIALS: &str = "The password or code is wrong. Each code can be used only once.";

#[derive(Serialize)]
struct ReauthPage {
    kept: String,
    action: String,
    username: String,
    has_factor: bool,
    error: Option<String>,
}

impl Page for ReauthPage {
    const TEMPLATE: &'static str = "admin/confirm.html";
}

impl AdminRequest {
    /// Checks the CSRF token of a form. From the page that asks for a password, this returns the submission that it
    /// holds, with the password; if the user cancels there, it redirects to the form, which is filled in.
    pub(crate) fn accept(
        &self,
        user: &CurrentUser,
        submission: Submission,
    ) -> Result<Submission, PageError> {
        let submission = self.accept_or_cancelled(user, submission)?;
        if submission.is_cancelled {
            let path = self.target();
            sealed_form::keep(self, user.user.id, &path, &submission)?;
            return Err(PageError::Redirect { path });
        }
        Ok(submission)
    }

    /// The same for pages that are not shown by a GET: the handler has to look at `is_cancelled`.
    pub(crate) fn accept_or_cancelled(
        &self,
        user: &CurrentUser,
        submission: Submission,
    ) -> Result<Submission, PageError> {
        self.check_form(Some(user), &submission)?;
        if !submission.has(KEPT) {
            return Ok(submission);
        }
        let (target, sealed) = (self.target(), submission.text(KEPT));
        let original = sealed_form::open(self, user.user.id, Purpose::Reauth, &target, sealed);
        let mut original = original.ok_or(PageError::BadRequest)?;
        original.is_cancelled = submission.has(CANCEL);
        original.credentials = Some(Credentials {
            password: submission.text("password").to_owned(),
            code: submission.text("code").to_owned(),
        });
        Ok(original)
    }
}

/// Asks users for their password before a sensitive action.
pub(crate) struct Reauth {
    pub(super) db: Data<Db>,
    hasher: Data<PasswordHasher>,
}

impl FromRequest for Reauth {
    type Error = PageError;
    type Future = std::future::Ready<Result<Self, PageError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let reauth = || {
            Some(Self {
                db: request.app_data::<Data<Db>>()?.clone(),
                hasher: request.app_data::<Data<PasswordHasher>>()?.clone(),
            })
        };
        let missing = || PageError::Internal(anyhow::anyhow!("the server has no database"));
        std::future::ready(reauth().ok_or_else(missing))
    }
}

impl Reauth {
    /// `None` if the user has authenticated recently, or does so with this submission; otherwise the page that asks.
    pub(crate) async fn require(
        &self,
        request: &AdminRequest,
        user: &CurrentUser,
        submission: &Submission,
    ) -> Result<Option<HttpResponse>, PageError> {
        if user.recently_authenticated() {
            return Ok(None);
        }
        let Some(credentials) = &submission.credentials else {
            return page(request, user, submission, StatusCode::OK, None).map(Some);
        };
        let code = user.has_factor.then_some(credentials.code.as_str());
        match self
            .check(request, user, &credentials.password, code)
            .await?
        {
            AuthOutcome::Right(()) => {
                request.session.set_authenticated()?;
                Ok(None)
            }
            AuthOutcome::Wrong => {
                let error = if user.has_factor {
                    WRONG_CREDENTIALS
                } else {
                    WRONG_PASSWORD
                };
                let error = Some(error.to_owned());
                page(request, user, submission, StatusCode::OK, error).map(Some)
            }
            AuthOutcome::Throttled(delay) => {
                let (status, error) = (StatusCode::TOO_MANY_REQUESTS, Some(delay.message()));
                let page = page(request, user, submission, status, error)?;
                Ok(Some(delay.with_retry_after(page)))
            }
        }
    }

    /// Checks the password of the user, and a two-factor code if there is one to check. Counted like a login.
    pub(super) async fn check(
        &self,
        request: &AdminRequest,
        user: &CurrentUser,
        password: &str,
        code: Option<&str>,
    ) -> Result<AuthOutcome<()>, PageError> {
        let now = Utc::now().naive_utc();
        let user = user.user.clone();
        let source = AttemptSource::for_user(request, &user);
        let attempt = match source.begin(&self.db, code.map(|_| user.id)).await? {
            Ok(attempt) => attempt,
            Err(delay) => return Ok(AuthOutcome::Throttled(delay)),
        };
        let (typed, stored) = (password.to_owned(), user.password.clone());
        let is_password = self.hasher.verify(typed, stored).await?.is_right();
        let (key, code) = (request.key().clone(), code.map(str::to_owned));
        self.db
            .run(move |conn| {
                Ok(conn.write(|conn| {
                    // A code is consumed only together with the right password.
                    let consumed = match &code {
                        Some(code) if is_password => {
                            totp::consume_code(conn, &key, &user, code, now)?
                        }
                        _ => None,
                    };
                    if !is_password || (code.is_some() && consumed.is_none()) {
                        attempt.fail(conn)?;
                        source.record(conn, Event::ProofRefused, Some(&user))?;
                        return Ok::<_, diesel::result::Error>(AuthOutcome::Wrong);
                    }
                    if consumed == Some(CodeKind::Recovery) {
                        source.record(conn, Event::RecoveryCodeUsed, Some(&user))?;
                    }
                    attempt.succeed(conn)?;
                    Ok(AuthOutcome::Right(()))
                })?)
            })
            .await
    }
}

fn page(
    request: &AdminRequest,
    user: &CurrentUser,
    submission: &Submission,
    status: StatusCode,
    error: Option<String>,
) -> Result<HttpResponse, PageError> {
    let target = request.target();
    let page = ReauthPage {
        kept: sealed_form::seal(request, user.user.id, Purpose::Reauth, &target, submission),
        action: target,
        username: user.user.username.clone(),
        has_factor: user.has_factor,
        error,
    };
    let breadcrumbs = Breadcrumb::trail(&[], TITLE);
    request.page(status, Some(user), TITLE, breadcrumbs, page)
}
