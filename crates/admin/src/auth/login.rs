//! Authentication by username and password.

use std::time::Instant;

use accounts::password::{self, Verdict};
use accounts::{PendingAttempt, SecondFactor, Session, User};
use audit::Event;
use chrono::Utc;
use diesel::{OptionalExtension, QueryResult};
use oc_core::DbConnection;
use oc_core::locks::hold;
use oc_http::{PageError, PageResult};
use serde::Serialize;

use crate::auth::current_user::{LOGOUT, pending_requirement};
use crate::auth::device_cookie::{Account, set_device_cookie};
use crate::auth::request::AdminRequest;
use crate::auth::sealed_form;
use crate::auth::throttle::{AttemptSource, AuthError};
use crate::password_hasher::equalize_timing;
use crate::ui::links::see_other;

/// Checks the password of a username; an account with a second factor requires its code as well. Every failure takes the
/// same time and has the same result.
pub(crate) async fn attempt(
    request: &AdminRequest,
    source: AttemptSource,
    typed: String,
) -> Result<Result<Account, AuthError>, PageError> {
    let start = Instant::now();
    let outcome = check(request, source, typed).await?;
    if outcome.is_err() {
        equalize_timing(start).await;
    }
    Ok(outcome)
}

async fn check(
    request: &AdminRequest,
    source: AttemptSource,
    typed: String,
) -> Result<Result<Account, AuthError>, PageError> {
    let hasher = &request.state.hasher;
    let _turn = hasher.queue(source.attempt.is_known_browser).await?;
    let attempt = match source.begin(request, None).await? {
        Ok(attempt) => attempt,
        Err(error) => return Ok(Err(error)),
    };
    let user = source.account.clone();
    let stored = user
        .as_ref()
        .map_or(password::UNUSABLE, |user| &user.password);
    let verdict = hasher.verify(typed.clone(), stored.to_owned()).await?;
    let Some(user) = user.filter(|user| opens(verdict, user)) else {
        let failed = request.write(move |conn| refuse(conn, &attempt, &source));
        return failed.await;
    };
    let renewed = match verdict {
        Verdict::Outdated => Some(hasher.hash(typed).await?),
        _ => None,
    };
    let now = Utc::now().naive_utc();
    request
        .write(move |conn| {
            // The account may have been changed while its password was checked.
            hold(conn, "users", &[user.id])?;
            let is_same = |stored: &User| stored.password == user.password && stored.can_log_in();
            let Some(mut stored) = User::find(conn, user.id).optional()?.filter(is_same) else {
                return refuse(conn, &attempt, &source);
            };
            if let Some(hash) = renewed {
                User::set_password(conn, user.id, &hash)?;
                Session::follow_rehash(conn, user.id, (&user.password, &hash))?;
                stored.password = hash;
            }
            attempt.succeed(conn)?;
            let factor = SecondFactor::find(conn, user.id)?;
            if factor.is_none() {
                User::set_last_login(conn, user.id, now)?;
                source.record(conn, Event::LoggedIn, Some(&user))?;
            }
            Ok(Ok((stored, factor)))
        })
        .await
}

/// Whether a password logs its user in. Logs why it doesn't, unless it is wrong.
fn opens(verdict: Verdict, user: &User) -> bool {
    let reason = match verdict {
        Verdict::Wrong => return false,
        Verdict::Unsupported => {
            "the password hash is too expensive or not supported; set a new password"
        }
        _ if !user.is_active => "the account is not active",
        _ if !user.is_staff => "the account has no staff status",
        _ => return true,
    };
    log::warn!("rejected login of user {}: {reason}", user.id);
    false
}

fn refuse<T>(
    conn: &mut DbConnection,
    attempt: &PendingAttempt,
    source: &AttemptSource,
) -> QueryResult<Result<T, AuthError>> {
    attempt.fail(conn)?;
    source.record(conn, Event::LoginRefused, None)?;
    Ok(Err(AuthError::Wrong))
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
    /// `next` if it is a page of the admin, otherwise the index: never another site, or the logout.
    pub(crate) fn path(&self) -> &str {
        let is_plain = self.next.chars().all(|c| !c.is_control() && c != '\\');
        if self.next.starts_with("/admin/")
            && self.next.split('?').next() != Some(LOGOUT)
            && is_plain
        {
            &self.next
        } else {
            "/admin/"
        }
    }
}

pub(crate) fn start_session(
    request: &AdminRequest,
    (user, factor): Account,
    destination: &Destination,
) -> PageResult {
    request
        .session
        .start(&user, &request.address(), &request.browser())?;
    let path = destination.path();
    let kept = sealed_form::open(request, 0, sealed_form::LOGIN, path, &destination.kept);
    if let Some(submission) = kept.filter(|kept| request.is_form_of(user.id, kept)) {
        sealed_form::keep(request, user.id, path, &submission)?;
        let text = "You are logged in again. What you entered has not been saved yet.";
        request.session.add_message("warning", text);
    }
    let required = pending_requirement(&user, factor.is_some(), request.state.require_totp);
    let response = see_other(required.unwrap_or(path));
    set_device_cookie(response, request, &(user, factor))
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
    fn redirects_stay_in_the_admin_and_avoid_the_logout() {
        assert_eq!(path("/admin/library/book/?q=a"), "/admin/library/book/?q=a");
        let targets = "|//evil.example|https://evil.example|/\\evil|/admin/\\\r\nx|/library/|/admin/logout/|/admin/logout/?next=/";
        for next in targets.split('|') {
            assert_eq!(path(next), "/admin/", "{next}");
        }
    }
}
