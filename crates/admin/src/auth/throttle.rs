//! Guesses at a secret, slowed down wherever one can be typed: each counts as failed until it was a good one.

use accounts::password::Verdict;
use accounts::{Attempt, Throttled, User};
use actix_web::HttpResponse;
use actix_web::http::header;
use actix_web::web::Data;
use audit::{Event, NewEvent, attempted_username};
use chrono::{Duration, NaiveDateTime};
use diesel::{OptionalExtension, QueryResult};
use oc_core::DbConnection;
use oc_http::{Db, PageError};

use crate::auth::device_cookie;
use crate::auth::password_hasher::PasswordHasher;
use crate::auth::request::AdminRequest;

/// How a guess ended.
pub(crate) enum AuthOutcome<T> {
    /// It was right.
    Right(T),
    /// It was wrong, whatever was wrong about it.
    Wrong,
    /// Not now.
    Throttled(RetryDelay),
}

/// How long to wait until the next guess.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RetryDelay {
    minutes: i64,
}

impl RetryDelay {
    fn of(throttled: Throttled) -> Self {
        Self::rounded(throttled.wait)
    }

    /// Whole minutes, rounded up.
    fn rounded(wait: Duration) -> Self {
        Self {
            minutes: (wait.num_seconds() + 59) / 60,
        }
    }

    /// As the page says it.
    pub(crate) fn message(self) -> String {
        let minutes = self.minutes;
        let unit = if minutes == 1 { "minute" } else { "minutes" };
        format!("Too many attempts. Try again in {minutes} {unit}.")
    }

    /// Tells it to machines too.
    pub(crate) fn with_retry_after(self, mut response: HttpResponse) -> HttpResponse {
        response
            .headers_mut()
            .insert(header::RETRY_AFTER, (self.minutes * 60).into());
        response
    }
}

/// Who guesses, and from where.
#[derive(Clone)]
pub(crate) struct AttemptSource {
    username: String,
    address: String,
    network: String,
    browser: Option<String>,
}

/// A guess that counts as failed as long as it is not forgiven.
pub(crate) struct PendingAttempt(Vec<i64>);

impl AttemptSource {
    /// Somebody who says that they are that user.
    pub(crate) fn new(request: &AdminRequest, username: String) -> Self {
        Self {
            address: request.address(),
            network: request.network(),
            browser: device_cookie::device_id(
                &request.http,
                request.cookies(),
                request.key(),
                &username,
            ),
            username,
        }
    }

    /// Counts a guess before it is looked at, so that guesses at the same time do not slip by.
    pub(crate) async fn count(
        &self,
        db: &Db,
        now: NaiveDateTime,
    ) -> Result<Result<PendingAttempt, RetryDelay>, PageError> {
        let source = self.clone();
        db.run(move |conn| {
            let attempt = Attempt {
                address: &source.network,
                username: &source.username,
                browser: source.browser.as_deref(),
            };
            let taken = conn.write(|conn| attempt.take(conn, now))?;
            // Looked for in any case, so that the time tells nothing.
            let account = source.account(conn)?;
            if taken.is_err() {
                source.record(conn, Event::LoginThrottled, None, account.as_ref())?;
            }
            Ok(taken.map(PendingAttempt).map_err(RetryDelay::of))
        })
        .await
    }

    /// The account of the name, if there is one.
    pub(crate) fn account(&self, conn: &mut DbConnection) -> QueryResult<Option<User>> {
        if self.username.contains('\0') {
            return Ok(None);
        }
        User::find_by_username(conn, &self.username).optional()
    }

    /// Records what became of a guess; `user` is who proved to be that account.
    pub(crate) fn record(
        &self,
        conn: &mut DbConnection,
        event: Event,
        user: Option<&User>,
        account: Option<&User>,
    ) -> QueryResult<()> {
        let event = NewEvent {
            event,
            actor: user.map(User::actor),
            about: attempted_username(account.map(User::actor)),
            address: &self.address,
        };
        event.insert(conn)
    }
}

impl PendingAttempt {
    /// Takes it back. Call it in the write of what the guess was for.
    pub(crate) fn clear(&self, conn: &mut DbConnection) -> QueryResult<()> {
        Attempt::forgive(conn, &self.0)
    }
}

/// Whether that is the password of that hash.
pub(crate) async fn is_password(
    hasher: &Data<PasswordHasher>,
    typed: String,
    stored: String,
) -> Result<bool, PageError> {
    Ok(hasher.verify(typed, stored).await? != Verdict::Wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_is_told_in_minutes_that_have_passed_when_it_is_over() {
        let words = |seconds| RetryDelay::rounded(Duration::seconds(seconds)).message();

        assert_eq!(words(1), "Too many attempts. Try again in 1 minute.");
        assert_eq!(words(60), "Too many attempts. Try again in 1 minute.");
        assert_eq!(words(61), "Too many attempts. Try again in 2 minutes.");
    }
}
