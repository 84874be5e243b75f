//! Before acts that matter: whoever proved who they are too long ago is asked again, and then goes on with what they
//! were doing.
//!
//! What they sent is [`kept`] in the page that asks.

use actix_web::http::StatusCode;
use actix_web::web::Data;
use actix_web::{FromRequest, HttpRequest, HttpResponse};
use audit::Event;
use chrono::Utc;
use oc_core::admin::{FormValues, Resource};
use serde::Serialize;

use crate::admin::auth::current_user::CurrentUser;
use crate::admin::auth::password_hasher::PasswordHasher;
use crate::admin::auth::sealed_form::{self, Until};
use crate::admin::auth::session_store::PROVED;
use crate::admin::auth::throttle::{AttemptSource, AuthOutcome, is_password};
use crate::admin::auth::totp::{self, CodeKind};
use crate::admin::form::beside;
use crate::admin::form::definition::typed;
use crate::admin::ui::form_data::Submission;
use crate::admin::ui::request::{AdminRequest, Breadcrumb};
use crate::db::Db;
use crate::error::PageError;
use crate::pages::Page;

/// The field that holds what was sent.
const KEPT: &str = "_kept";
/// The button that leads back to the form.
const GIVE_UP: &str = "_give_up";

const TITLE: &str = "Confirm that it is you";
const REFUSED: &str = "Your password is incorrect.";
const REFUSED_BOTH: &str = "The password or code is wrong. Each code can be used only once.";

#[derive(Serialize)]
struct AskPage {
    kept: String,
    action: String,
    username: String,
    has_factor: bool,
    error: Option<String>,
}

impl Page for AskPage {
    const TEMPLATE: &'static str = "admin/confirm.html";
}

/// A form that was sent, maybe kept meanwhile.
pub(crate) struct Posted {
    pub(crate) form: Submission,
    proof: Option<Proof>,
}

/// Who somebody says they are.
struct Proof {
    password: String,
    code: String,
}

impl Posted {
    /// The form as it was sent at first. Its token was checked then, and that of the page that asks is checked by the
    /// handler. Whoever would rather go back is led to the form, which is as it was sent.
    pub(crate) fn of(
        request: &AdminRequest,
        user: &CurrentUser,
        fields: Submission,
    ) -> Result<Self, PageError> {
        if !fields.has(KEPT) {
            return Ok(Self {
                form: fields,
                proof: None,
            });
        }
        let form = opened(request, user, &fields)?;
        if fields.has(GIVE_UP) {
            let path = request.target();
            beside::keep(request, user, &path, &form)?;
            return Err(PageError::Redirect { path });
        }
        Ok(Self {
            form,
            proof: Some(Proof {
                password: fields.text("password").to_owned(),
                code: fields.text("code").to_owned(),
            }),
        })
    }
}

/// What was kept, for who would rather go back than prove who they are: for pages that come from a form alone.
pub(crate) fn cancelled(
    request: &AdminRequest,
    user: &CurrentUser,
    fields: &Submission,
) -> Result<Option<Submission>, PageError> {
    if fields.has(KEPT) && fields.has(GIVE_UP) {
        opened(request, user, fields).map(Some)
    } else {
        Ok(None)
    }
}

fn opened(
    request: &AdminRequest,
    user: &CurrentUser,
    fields: &Submission,
) -> Result<Submission, PageError> {
    let place = request.target();
    sealed_form::open(request, user, Until::Proved, &place, fields.text(KEPT))
        .ok_or(PageError::BadRequest)
}

/// What it takes to look at a proof.
pub(crate) struct Reauth {
    db: Data<Db>,
    hasher: Data<PasswordHasher>,
}

impl FromRequest for Reauth {
    type Error = PageError;
    type Future = std::future::Ready<Result<Self, PageError>>;

    fn from_request(request: &HttpRequest, _: &mut actix_web::dev::Payload) -> Self::Future {
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
    /// Nothing for who proved a short time ago who they are, or does so with this form; the page that asks otherwise.
    pub(crate) async fn require(
        &self,
        request: &AdminRequest,
        user: &CurrentUser,
        posted: &Posted,
    ) -> Result<Option<HttpResponse>, PageError> {
        if user.recently_authenticated() {
            return Ok(None);
        }
        let Some(proof) = &posted.proof else {
            return page(request, user, posted, StatusCode::OK, None).map(Some);
        };
        match self.check(request, user, proof).await? {
            AuthOutcome::Right(()) => {
                request.keep(PROVED, Utc::now().naive_utc())?;
                Ok(None)
            }
            AuthOutcome::Wrong => {
                let error = if user.has_factor {
                    REFUSED_BOTH
                } else {
                    REFUSED
                };
                page(
                    request,
                    user,
                    posted,
                    StatusCode::OK,
                    Some(error.to_owned()),
                )
                .map(Some)
            }
            AuthOutcome::Throttled(delay) => {
                let (status, error) = (StatusCode::TOO_MANY_REQUESTS, Some(delay.message()));
                let page = page(request, user, posted, status, error)?;
                Ok(Some(delay.with_retry_after(page)))
            }
        }
    }

    async fn check(
        &self,
        request: &AdminRequest,
        user: &CurrentUser,
        proof: &Proof,
    ) -> Result<AuthOutcome<()>, PageError> {
        let now = Utc::now().naive_utc();
        let (has_factor, user) = (user.has_factor, user.user.clone());
        let source = AttemptSource::of(request, user.username.clone());
        let attempt = match source.count(&self.db, now).await? {
            Ok(attempt) => attempt,
            Err(delay) => return Ok(AuthOutcome::Throttled(delay)),
        };
        let (typed, stored) = (proof.password.clone(), user.password.clone());
        let is_password = is_password(&self.hasher, typed, stored).await?;
        let (key, code) = (request.key().clone(), proof.code.clone());
        self.db
            .run(move |conn| {
                Ok(conn.write(|conn| {
                    // A code is used up only by somebody who knows the password.
                    let taken = if is_password && has_factor {
                        totp::consume_code(conn, &key, &user, &code, now)?
                    } else {
                        None
                    };
                    if !is_password || (has_factor && taken.is_none()) {
                        source.record(conn, Event::ProofRefused, Some(&user), Some(&user))?;
                        return Ok::<_, diesel::result::Error>(AuthOutcome::Wrong);
                    }
                    if taken == Some(CodeKind::Recovery) {
                        source.record(conn, Event::RecoveryCodeUsed, Some(&user), Some(&user))?;
                    }
                    attempt.clear(conn)?;
                    Ok(AuthOutcome::Right(()))
                })?)
            })
            .await
    }
}

fn page(
    request: &AdminRequest,
    user: &CurrentUser,
    posted: &Posted,
    status: StatusCode,
    error: Option<String>,
) -> Result<HttpResponse, PageError> {
    let place = request.target();
    let page = AskPage {
        kept: sealed_form::seal(request, user, Until::Proved, &place, &posted.form),
        action: place,
        username: user.user.username.clone(),
        has_factor: user.has_factor,
        error,
    };
    request.page(
        status,
        Some(user),
        TITLE,
        Breadcrumb::trail(&[], TITLE),
        page,
    )
}

/// The fields of accounts and groups by which somebody may do more, or less.
pub(crate) const GRANTING: [&str; 5] = [
    "is_staff",
    "is_superuser",
    "groups",
    "user_permissions",
    "permissions",
];

/// Whether a form would give or take rights; `held` is what the row holds before.
pub(crate) fn changes_rights(
    model: &'static Resource,
    form: &Submission,
    held: &FormValues,
) -> bool {
    grants_differ(model, held, &typed(model, form))
}

/// Whether two states of an account or a group differ in rights.
pub(crate) fn grants_differ(model: &Resource, before: &FormValues, after: &FormValues) -> bool {
    if model.app != "auth" {
        return false;
    }
    let set = |values: &FormValues, name: &str| {
        let mut values: Vec<String> = values.list(name).to_vec();
        values.retain(|value| !value.is_empty());
        values.sort_unstable();
        values
    };
    let fields = model
        .fields
        .iter()
        .filter(|field| GRANTING.contains(&field.name));
    fields
        .into_iter()
        .any(|field| set(before, field.name) != set(after, field.name))
}

#[cfg(test)]
mod tests {
    use crate::admin::registry;

    use super::*;

    fn user() -> FormValues {
        FormValues::default()
            .with("username", "ada")
            .with_yes("is_staff", true)
            .with_list("groups", vec!["1".to_owned(), "2".to_owned()])
    }

    #[test]
    fn a_form_changes_rights_by_some_fields_and_not_by_others() {
        let model = registry::by_key("auth.user").unwrap();
        let sent = |body: &[u8]| changes_rights(model, &Submission::parse(body), &user());

        assert!(!sent(b"username=ada&is_staff=on&groups=2&groups=1"));
        assert!(!sent(b"username=bob&is_staff=on&groups=1&groups=2"));
        assert!(sent(b"username=ada&groups=1&groups=2"));
        assert!(sent(b"username=ada&is_staff=on&groups=1"));
        assert!(sent(b"is_staff=on&is_superuser=on&groups=1&groups=2"));
        assert!(sent(
            b"is_staff=on&groups=1&groups=2&user_permissions=auth.add_user"
        ));
    }
}
