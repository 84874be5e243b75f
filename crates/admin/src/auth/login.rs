//! Authentication by username and password.

use std::time::Instant;

use accounts::password::{self, Verdict};
use accounts::{SecondFactor, Session, User};
use actix_web::HttpResponse;
use actix_web::web::Data;
use audit::Event;
use chrono::Utc;
use diesel::OptionalExtension;
use oc_core::locks::hold;
use oc_http::{Db, PageError};
use serde::Serialize;

use crate::auth::current_user::pending_requirement;
use crate::auth::device_cookie;
use crate::auth::password_hasher::{PasswordHasher, equalize_timing};
use crate::auth::request::AdminRequest;
use crate::auth::sealed_form::{self, Purpose};
use crate::auth::throttle::{AttemptSource, AuthOutcome};
use crate::ui::links::see_other;

/// A user whose password was right.
pub(crate) struct AuthenticatedUser {
    pub(crate) user: User,
    /// Whether a two-factor code is required as well.
    pub(crate) has_factor: bool,
}

/// Checks username and password. Every failure takes the same time and has the same result.
pub(crate) async fn attempt(
    db: &Db,
    hasher: &Data<PasswordHasher>,
    source: AttemptSource,
    typed: String,
) -> Result<AuthOutcome<AuthenticatedUser>, PageError> {
    let now = Utc::now().naive_utc();
    let start = Instant::now();
    let attempt = match source.count(db, now).await? {
        Ok(attempt) => attempt,
        Err(delay) => {
            equalize_timing(start).await;
            return Ok(AuthOutcome::Throttled(delay));
        }
    };
    let asked = source.clone();
    let user = db.read(move |conn| Ok(asked.account(conn)?)).await?;
    let stored = user
        .as_ref()
        .map_or(password::UNUSABLE.to_owned(), |user| user.password.clone());
    let verdict = hasher.verify(typed.clone(), stored).await?;
    let opens = |user: &User| verdict != Verdict::Wrong && user.is_active && user.is_staff;
    let Some(user) = user.clone().filter(opens) else {
        db.run(move |conn| Ok(source.record(conn, Event::LoginRefused, None, user.as_ref())?))
            .await?;
        equalize_timing(start).await;
        return Ok(AuthOutcome::Wrong);
    };
    let renewed = match verdict {
        Verdict::Outdated => Some(hasher.hash(typed).await?),
        _ => None,
    };
    let guess = db
        .run(move |conn| {
            Ok(conn.write(|conn| {
                // The account may have been changed while its password was checked.
                hold(conn, "users", &[user.id])?;
                let opens = |stored: &User| {
                    stored.password == user.password && stored.is_active && stored.is_staff
                };
                let Some(mut stored) = User::find(conn, user.id).optional()?.filter(opens) else {
                    source.record(conn, Event::LoginRefused, None, Some(&user))?;
                    return Ok::<_, diesel::result::Error>(AuthOutcome::Wrong);
                };
                if let Some(hash) = renewed {
                    User::set_password(conn, user.id, &hash)?;
                    Session::follow_rehash(conn, user.id, (&user.password, &hash))?;
                    stored.password = hash;
                }
                attempt.clear(conn)?;
                let has_factor = SecondFactor::find(conn, user.id)?.is_some();
                if !has_factor {
                    User::set_last_login(conn, user.id, now)?;
                    source.record(conn, Event::LoggedIn, Some(&user), Some(&user))?;
                }
                Ok(AuthOutcome::Right(AuthenticatedUser {
                    user: stored,
                    has_factor,
                }))
            })?)
        })
        .await?;
    if matches!(guess, AuthOutcome::Wrong) {
        equalize_timing(start).await;
    }
    Ok(guess)
}

/// Where a login leads.
#[derive(Serialize)]
pub(crate) struct Destination {
    /// Path and query, as the client sent it.
    pub(crate) next: String,
    /// A sealed form to show there again; empty for none.
    pub(crate) kept: String,
}

impl Destination {
    /// `next` if it is a page of the admin, otherwise the index: never another site.
    pub(crate) fn path(&self) -> &str {
        let is_plain = self.next.chars().all(|c| !c.is_control() && c != '\\');
        if self.next.starts_with("/admin/") && is_plain {
            &self.next
        } else {
            "/admin/"
        }
    }
}

/// Starts a session and redirects to the destination.
pub(crate) fn start_session(
    request: &AdminRequest,
    AuthenticatedUser { user, has_factor }: &AuthenticatedUser,
    destination: &Destination,
) -> Result<HttpResponse, PageError> {
    request
        .session
        .start(user, &request.address(), &request.browser())?;
    let path = destination.path();
    let kept = sealed_form::open(request, 0, Purpose::Login, path, &destination.kept);
    if let Some(submission) = kept.filter(|kept| request.is_form_of(user.id, kept)) {
        sealed_form::keep(request, user.id, path, &submission)?;
        let text = "You are logged in again. What you entered has not been saved yet.";
        request.session.add_message("warning", text);
    }
    let required = pending_requirement(user, *has_factor, request.requires_totp());
    let mut response = see_other(required.unwrap_or(path));
    let cookie = device_cookie::remember(
        &request.http,
        request.cookies(),
        request.key(),
        &user.username,
    );
    response
        .add_cookie(&cookie)
        .map_err(|error| PageError::Internal(error.into()))?;
    Ok(response)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(next: &str) -> String {
        let destination = Destination {
            next: next.to_owned(),
            kept: String::new(),
        };
        destination.path().to_owned()
    }

    #[test]
    fn nobody_is_sent_to_another_site() {
        assert_eq!(path("/admin/library/book/?q=a"), "/admin/library/book/?q=a");
        for next in [
            "",
            "//evil.example",
            "https://evil.example",
            "/\\evil",
            "/admin/\\\r\nx",
            "/library/",
        ] {
            assert_eq!(path(next), "/admin/", "{next}");
        }
    }
}
