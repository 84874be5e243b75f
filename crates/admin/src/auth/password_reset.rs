//! Password reset by email: a signed link that is valid for one hour, and once.

use std::time::Instant;

use accounts::{Rejection, User, count_reset};
use actix_web::http::StatusCode;
use actix_web::web::{Data, Path};
use chrono::{DateTime, Duration, Utc};
use diesel::OptionalExtension;
use mail::NewMail;
use oc_core::locks::hold;
use oc_http::{Page, PageError, PageResult, SITE_NAME, Site};
use serde::Serialize;

use crate::auth::account::replace_password;
use crate::auth::current_user::LOGIN;
use crate::auth::login_page::LoginMessage;
use crate::auth::passwords::{NewPasswordErrors, OWN, PasswordPage, SAME_PASSWORD};
use crate::auth::request::AdminRequest;
use crate::auth::throttle::AuthError;
use crate::auth::user_token::UserToken;
use crate::password_hasher::equalize_timing;
use crate::secret_key::SecretKey;
use crate::ui::field::Button;
use crate::ui::links::see_other;
use crate::ui::submission::Submission;

const TITLE: &str = "Reset password";
const SET_TITLE: &str = "Choose a new password";
const INVALID_EMAIL: &str = "Enter a valid email address.";
const VALID: Duration = Duration::hours(1);

/// The token in a link. A login, or a change of the password or email address, invalidates it.
const LINK: UserToken = UserToken {
    purpose: "password reset",
    lifetime: VALID,
    facts: |user| {
        let last_login = user.last_login.map(|at| at.and_utc().timestamp_micros());
        vec![
            user.email.clone(),
            last_login.unwrap_or_default().to_string(),
        ]
    },
};

#[derive(Serialize)]
struct ResetPage {
    email: String,
    error: Option<String>,
}

impl Page for ResetPage {
    const TEMPLATE: &'static str = "admin/password_reset.html";
}

const SENT: LoginMessage = LoginMessage {
    heading: "Check your email",
    text: "If an account has this address, it gets an email with a link to choose a new password. The link works for one \
           hour.",
    href: LOGIN,
    label: "Log in",
};

const CHANGED: LoginMessage = LoginMessage {
    heading: "Password changed",
    text: "Your password has been changed.",
    href: LOGIN,
    label: "Log in",
};

const INVALID_LINK: LoginMessage = LoginMessage {
    heading: "This link doesn't work",
    text: "It has expired, or has already been used. Ask for a new one.",
    href: "/admin/password_reset/",
    label: TITLE,
};

pub(crate) async fn new(request: AdminRequest) -> PageResult {
    show(&request, StatusCode::OK, String::new(), None)
}

/// Stores a mail for each account with the address. The response and its time are the same if there is none.
pub(crate) async fn create(
    request: AdminRequest,
    site: Data<Site>,
    submission: Submission,
) -> PageResult {
    request.check_form(None, &submission)?;
    let start = Instant::now();
    let email = submission.text("email").trim().to_owned();
    if email.is_empty() || email.contains('\0') {
        let error = Some(INVALID_EMAIL.to_owned());
        return show(&request, StatusCode::UNPROCESSABLE_ENTITY, email, error);
    }
    let (ip, key, typed) = (request.ip(), request.key().clone(), email.clone());
    let stored = request.write(move |conn| {
            let now = Utc::now();
            if let Err(rejection) = count_reset(conn, ip, &typed, now.naive_utc())? {
                return Ok(Err(rejection));
            }
            for user in User::staff_by_email(conn, &typed)? {
                let link = site.url(&path(&key, &user, now));
                let username = &user.username;
                let body = format!(
                    "Hello {username},\n\nto choose a new password for {SITE_NAME}, open this link within an hour:\n\n\
                     {link}\n\nIf you didn't ask for it, ignore this mail. Your password stays as it is.\n"
                );
                let mail = NewMail {
                    recipient: &user.email,
                    subject: &format!("Reset your password for {SITE_NAME}"),
                    body: &body,
                    lifetime: VALID,
                };
                mail.insert(conn, now.naive_utc())?;
            }
            Ok(Ok(()))
        });
    let stored = stored.await?;
    equalize_timing(start).await;
    match stored {
        Ok(()) => Ok(see_other("/admin/password_reset/done/")),
        Err(Rejection::Busy) => Err(PageError::Overloaded),
        Err(Rejection::Throttled { wait }) => {
            let error = AuthError::Throttled(wait);
            let text = Some(error.message(INVALID_EMAIL));
            error.respond(show(&request, StatusCode::OK, email, text))
        }
    }
}

pub(crate) async fn sent(request: AdminRequest) -> PageResult {
    SENT.show(&request)
}

pub(crate) async fn edit(request: AdminRequest, link: Path<(String, String)>) -> PageResult {
    match LINK.find_user(&request, &link.0, &link.1).await? {
        Some(_) => show_set(&request, NewPasswordErrors::default()),
        None => INVALID_LINK.show(&request),
    }
}

/// Sets the password, and ends all sessions of the user. It doesn't log in: the second factor is still required.
pub(crate) async fn update(
    request: AdminRequest,
    link: Path<(String, String)>,
    submission: Submission,
) -> PageResult {
    request.check_form(None, &submission)?;
    let Some(user) = LINK.find_user(&request, &link.0, &link.1).await? else {
        return INVALID_LINK.show(&request);
    };
    let mut errors = OWN.check(&submission, &user.about());
    let password = OWN.password(&submission).to_owned();
    if user.must_change_password {
        let verdict = request
            .state
            .hasher
            .verify(password.clone(), user.password.clone());
        if verdict.await?.is_right() {
            errors[0].push(SAME_PASSWORD.to_owned());
        }
    }
    if errors != NewPasswordErrors::default() {
        return show_set(&request, errors);
    }
    let hash = request.state.hasher.hash(password).await?;
    let (registry, key, token) = (request.registry(), request.key().clone(), link.1.clone());
    let is_set = request.write(move |conn| {
        // The link may have been used meanwhile.
        hold(conn, "users", &[user.id])?;
        let stored = User::find(conn, user.id).optional()?;
        if !stored.is_some_and(|stored| LINK.is_valid(&key, &stored, &token, Utc::now())) {
            return Ok(false);
        }
        replace_password(conn, registry, Some(&user), &user, &hash, false)?;
        Ok(true)
    });
    if is_set.await? {
        Ok(see_other("/admin/reset/done/"))
    } else {
        INVALID_LINK.show(&request)
    }
}

pub(crate) async fn done(request: AdminRequest) -> PageResult {
    CHANGED.show(&request)
}

fn path(key: &SecretKey, user: &User, now: DateTime<Utc>) -> String {
    let token = LINK.issue(key, user, now);
    format!("/admin/reset/{}/{token}/", user.id)
}

fn show(
    request: &AdminRequest,
    status: StatusCode,
    email: String,
    error: Option<String>,
) -> PageResult {
    let page = ResetPage { email, error };
    request.page(status, None, TITLE, Vec::new(), page)
}

fn show_set(request: &AdminRequest, errors: NewPasswordErrors) -> PageResult {
    let fields = OWN.views(errors).collect();
    let page = PasswordPage::new(fields, Button::save("Change my password"));
    request.page(page.status(), None, SET_TITLE, Vec::new(), page)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::auth::user_token::tests::user;

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn no_token_makes_the_parser_panic_or_is_valid(token in "-?[0-9]{0,20}-[0-9a-f]{0,65}|\\PC{0,80}") {
            let (key, user, now) = (SecretKey::random(), user(7, "hash"), DateTime::UNIX_EPOCH);
            prop_assert!(!LINK.is_valid(&key, &user, &token, now));
            prop_assert!(LINK.is_valid(&key, &user, &LINK.issue(&key, &user, now), now));
        }
    }
}
