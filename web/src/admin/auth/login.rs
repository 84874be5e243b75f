//! The door: from a name and a password to a member of staff, without telling why not.

use std::time::Instant;

use accounts::password::{self, Verdict};
use accounts::{Factor, Session, User};
use actix_web::HttpResponse;
use actix_web::web::Data;
use audit::Event;
use chrono::Utc;
use diesel::OptionalExtension;
use oc_core::locks::hold;

use crate::admin::auth::current_user::pending_requirement;
use crate::admin::auth::device_cookie;
use crate::admin::auth::password_hasher::{Checked, PasswordHasher};
use crate::admin::auth::session_store::{ADDRESS, BROWSER, PASSWORD, PROVED, USER};
use crate::admin::auth::throttle::{AttemptSource, AuthOutcome};
use crate::admin::ui::request::{AdminRequest, see_other};
use crate::db::Db;
use crate::error::PageError;

/// Somebody whose name and password were right.
pub(crate) struct AuthenticatedUser {
    pub(crate) user: User,
    /// Whether a code of the second factor is still to come.
    pub(crate) has_factor: bool,
}

/// Tries to log in. Whatever is wrong, it takes the same time and ends the same way.
pub(crate) async fn attempt(
    db: &Db,
    hasher: &Data<PasswordHasher>,
    source: AttemptSource,
    typed: String,
) -> Result<AuthOutcome<AuthenticatedUser>, PageError> {
    let now = Utc::now().naive_utc();
    let began = Instant::now();
    let attempt = match source.count(db, now).await? {
        Ok(attempt) => attempt,
        Err(delay) => {
            hasher.hold_back(began).await;
            return Ok(AuthOutcome::Throttled(delay));
        }
    };
    let asked = source.clone();
    let user = db.read(move |conn| Ok(asked.account(conn)?)).await?;
    let stored = user
        .as_ref()
        .map_or(password::UNUSABLE.to_owned(), |user| user.password.clone());
    let Checked { verdict, began } = hasher.check(typed.clone(), stored).await?;
    let opens = |user: &User| verdict != Verdict::Wrong && user.is_active && user.is_staff;
    let Some(user) = user.clone().filter(opens) else {
        db.run(move |conn| Ok(source.record(conn, Event::LoginRefused, None, user.as_ref())?))
            .await?;
        hasher.hold_back(began).await;
        return Ok(AuthOutcome::Wrong);
    };
    let renewed = match verdict {
        Verdict::RightButOld => Some(hasher.run(move || password::hash(&typed)).await?),
        _ => None,
    };
    let guess = db
        .run(move |conn| {
            Ok(conn.write(|conn| {
                // Somebody may have given the account another password, or switched it off, while this one was checked.
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
                    Session::follow_hash(conn, user.id, (&user.password, &hash))?;
                    stored.password = hash;
                }
                attempt.clear(conn)?;
                let has_factor = Factor::find(conn, user.id)?.is_some();
                if !has_factor {
                    User::note_login(conn, user.id, now)?;
                    source.record(conn, Event::LoggedIn, Some(&user), Some(&user))?;
                }
                Ok(AuthOutcome::Right(AuthenticatedUser {
                    // With the password that was checked: a session counts for this one alone.
                    user: stored,
                    has_factor,
                }))
            })?)
        })
        .await?;
    if matches!(guess, AuthOutcome::Wrong) {
        hasher.hold_back(began).await;
    }
    Ok(guess)
}

/// Lets a user in: a session of their own under a new id, and on to where they wanted to go.
pub(crate) fn start_session(
    request: &AdminRequest,
    AuthenticatedUser { user, has_factor }: &AuthenticatedUser,
    next: &str,
) -> Result<HttpResponse, PageError> {
    // Nothing of a session before goes along.
    request.session.clear();
    request.session.renew();
    request.keep(USER, user.id)?;
    request.keep(PROVED, Utc::now().naive_utc())?;
    request.keep(ADDRESS, request.address())?;
    request.keep(BROWSER, request.browser())?;
    request.keep(PASSWORD, Session::password_mark(&user.password))?;
    let first = pending_requirement(user, *has_factor, request.requires_totp());
    let mut response = see_other(first.unwrap_or_else(|| inside(next)));
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

/// The address to go on to, if it lies within the administration: never another site.
pub(crate) fn inside(next: &str) -> &str {
    let plain = next.chars().all(|c| !c.is_control() && c != '\\');
    if next.starts_with("/admin/") && plain {
        next
    } else {
        "/admin/"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_sent_to_another_site() {
        assert_eq!(
            inside("/admin/lettings/letting/?q=a"),
            "/admin/lettings/letting/?q=a"
        );
        for next in [
            "",
            "//evil.example",
            "https://evil.example",
            "/\\evil",
            "/admin/\\\r\nx",
            "/profiles/",
        ] {
            assert_eq!(inside(next), "/admin/", "{next}");
        }
    }
}
