//! Throttling of passwords and codes: each attempt counts as failed until it succeeds.

use accounts::{Attempt, Throttled, User};
use actix_web::HttpResponse;
use actix_web::http::header;
use audit::{Event, NewEvent, attempted_username};
use chrono::{Duration, NaiveDateTime};
use diesel::{OptionalExtension, QueryResult};
use oc_core::DbConnection;
use oc_http::{Db, PageError};

use crate::auth::device_cookie;
use crate::auth::request::AdminRequest;

/// The result of an attempt.
pub(crate) enum AuthOutcome<T> {
    /// Success.
    Right(T),
    /// Failure, for any reason.
    Wrong,
    /// Too many attempts.
    Throttled(RetryDelay),
}

/// The time until the next attempt.
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

    /// The message on the page.
    pub(crate) fn message(self) -> String {
        let minutes = self.minutes;
        let unit = if minutes == 1 { "minute" } else { "minutes" };
        format!("Too many attempts. Try again in {minutes} {unit}.")
    }

    /// Adds the Retry-After header.
    pub(crate) fn with_retry_after(self, mut response: HttpResponse) -> HttpResponse {
        response
            .headers_mut()
            .insert(header::RETRY_AFTER, (self.minutes * 60).into());
        response
    }
}

/// The username, address and browser of an attempt.
#[derive(Clone)]
pub(crate) struct AttemptSource {
    username: String,
    address: String,
    network: String,
    browser: Option<String>,
}

/// An attempt that counts as failed until it is cleared.
pub(crate) struct PendingAttempt(Vec<i64>);

impl AttemptSource {
    /// The source of an attempt for a username.
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

    /// Counts an attempt before it is checked, so that concurrent ones are counted too.
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
            let taken = conn.write(|conn| attempt.count(conn, now))?;
            // Always looked up, so that the response time reveals nothing.
            let account = source.account(conn)?;
            if taken.is_err() {
                source.record(conn, Event::LoginThrottled, None, account.as_ref())?;
            }
            Ok(taken.map(PendingAttempt).map_err(RetryDelay::of))
        })
        .await
    }

    /// The user with this username, if there is one.
    pub(crate) fn account(&self, conn: &mut DbConnection) -> QueryResult<Option<User>> {
        if self.username.contains('\0') {
            return Ok(None);
        }
        User::find_by_username(conn, &self.username).optional()
    }

    /// Logs an event; `user` is the authenticated user.
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
    /// Removes the attempt after a success. Requires a transaction.
    pub(crate) fn clear(&self, conn: &mut DbConnection) -> QueryResult<()> {
        Attempt::clear(conn, &self.0)
    }
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
