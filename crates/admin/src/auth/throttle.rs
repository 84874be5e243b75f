//! Throttling of passwords and codes.

use std::time::{Duration as StdDuration, Instant};

use accounts::{Attempt, PendingAttempt, Rejection, SecondFactor, User};
use actix_web::http::{StatusCode, header};
use actix_web::rt::time::sleep;
use audit::{Event, NewEvent, UNKNOWN_NAME};
use chrono::{Duration, Utc};
use diesel::{OptionalExtension, QueryResult};
use oc_core::DbConnection;
use oc_http::{LoginOutcome, PageError, PageResult};

use crate::auth::device_cookie::{Account, DeviceCookie};
use crate::auth::request::AdminRequest;

/// How long an attempt waits for others that use up the allowance while they are pending.
const MAX_WAIT: StdDuration = StdDuration::from_secs(10);
const POLL_INTERVAL: StdDuration = StdDuration::from_millis(100);

/// Why an attempt failed.
#[derive(Clone, Copy)]
pub(crate) enum AuthError {
    /// The password or code is wrong, for any reason.
    Wrong,
    /// Rejected; the next attempt can be made after this time.
    Throttled(Duration),
}

impl AuthError {
    /// The error message; `wrong` is that of a wrong password or code.
    pub(super) fn message(self, wrong: &str) -> String {
        match self {
            Self::Wrong => wrong.to_owned(),
            Self::Throttled(wait) => match minutes(wait) {
                1 => "Too many attempts. Try again in 1 minute.".to_owned(),
                minutes => format!("Too many attempts. Try again in {minutes} minutes."),
            },
        }
    }

    /// The outcome of a login; `wrong` is that of a wrong password or code.
    pub(super) fn outcome(self, wrong: LoginOutcome) -> LoginOutcome {
        match self {
            Self::Wrong => wrong,
            Self::Throttled(_) => LoginOutcome::Throttled,
        }
    }

    /// The page with the error message as a response.
    pub(super) fn respond(self, page: PageResult) -> PageResult {
        let mut response = page?;
        if let Self::Throttled(wait) = self {
            *response.status_mut() = StatusCode::TOO_MANY_REQUESTS;
            let headers = response.headers_mut();
            headers.insert(header::RETRY_AFTER, (minutes(wait) * 60).into());
        }
        Ok(response)
    }
}

/// Whole minutes, rounded up.
fn minutes(wait: Duration) -> i64 {
    (wait.num_seconds() + 59) / 60
}

/// A login attempt, and the account with that username, if any.
#[derive(Clone)]
pub(crate) struct AttemptSource {
    pub(crate) attempt: Attempt,
    pub(crate) account: Option<User>,
}

impl AttemptSource {
    /// The source of an attempt to log in. The account is always looked up, so that the response time reveals nothing.
    pub(crate) async fn for_username(
        request: &AdminRequest,
        username: String,
    ) -> Result<Self, PageError> {
        // No username contains NUL, which PostgreSQL rejects.
        let name = username.replace('\0', "\u{fffd}");
        let account = request.read(move |conn| {
            let Some(user) = User::find_by_username(conn, &name).optional()? else {
                return Ok(None);
            };
            let factor = SecondFactor::find(conn, user.id)?;
            Ok(Some((user, factor)))
        });
        let account = account.await?;
        let device = DeviceCookie::from_request(&request.http, request.cookies);
        let is_known = |account: &Account| device.has(request.key(), account);
        let attempt = Attempt {
            address: request.ip(),
            username,
            is_known_browser: account.as_ref().is_some_and(is_known),
            code_of: None,
        };
        let account = account.map(|(user, _)| user);
        Ok(Self { attempt, account })
    }

    /// The source of an attempt in a session, whose browser is known.
    pub(crate) fn for_user(request: &AdminRequest, user: &User) -> Self {
        let attempt = Attempt {
            address: request.ip(),
            username: user.username.clone(),
            is_known_browser: true,
            code_of: None,
        };
        let account = Some(user.clone());
        Self { attempt, account }
    }

    /// Begins an attempt, also at the code of a user. Waits for attempts that are pending if these use up the allowance.
    pub(crate) async fn begin(
        &self,
        request: &AdminRequest,
        code_of: Option<i64>,
    ) -> Result<Result<PendingAttempt, AuthError>, PageError> {
        let deadline = Instant::now() + MAX_WAIT;
        loop {
            let mut source = self.clone();
            source.attempt.code_of = code_of;
            let begun = request.write(move |conn| {
                let begun = source.attempt.begin(conn, Utc::now().naive_utc())?;
                if matches!(begun, Err(Rejection::Throttled { .. })) {
                    source.record(conn, Event::LoginThrottled, None)?;
                }
                Ok(begun)
            });
            match begun.await? {
                Ok(attempt) => return Ok(Ok(attempt)),
                Err(Rejection::Throttled { wait }) => return Ok(Err(AuthError::Throttled(wait))),
                Err(Rejection::Busy) if Instant::now() > deadline => {
                    return Err(PageError::Overloaded);
                }
                Err(Rejection::Busy) => sleep(POLL_INTERVAL).await,
            }
        }
    }

    /// Logs an event; `user` is the authenticated user.
    pub(crate) fn record(
        &self,
        conn: &mut DbConnection,
        event: Event,
        user: Option<&User>,
    ) -> QueryResult<()> {
        let address = self
            .attempt
            .address
            .map_or_else(String::new, |ip| ip.to_string());
        let account = self.account.as_ref();
        let event = NewEvent {
            event,
            actor: user.map(User::actor),
            about: account.map_or(UNKNOWN_NAME, |account| &account.username),
            address: &address,
        };
        event.insert(conn)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_remaining_minutes_are_rounded_up() {
        let words = |seconds| AuthError::Throttled(Duration::seconds(seconds)).message("");

        assert_eq!(words(1), "Too many attempts. Try again in 1 minute.");
        assert_eq!(words(60), "Too many attempts. Try again in 1 minute.");
        assert_eq!(words(61), "Too many attempts. Try again in 2 minutes.");
    }
}
