//! The door: from a name and a password to a member of staff, without telling why not.

use chrono::{Duration, Utc};
use diesel::{OptionalExtension, QueryResult};
use oc_core::accounts::password::{self, Verdict};
use oc_core::accounts::{Attempt, Throttled};
use oc_core::events::{Event, NewEvent, name_tried};
use oc_core::{DbConnection, User};

use super::frame::Hashing;
use crate::db::Db;
use crate::error::PageError;

/// How an attempt ended.
pub(super) enum Outcome {
    /// The account is open.
    Welcome(User),
    /// Not with that name and that password.
    Refused,
    /// Not now.
    Throttled {
        /// Until the next attempt, rounded up.
        minutes: i64,
    },
}

/// Tries to log in from an address, which counts as that network. Whatever is wrong, it takes the same time and ends
/// the same way.
pub(super) async fn attempt(
    db: &Db,
    hashing: &Hashing,
    (address, network): (String, String),
    browser: Option<String>,
    username: String,
    typed: String,
) -> Result<Outcome, PageError> {
    let now = Utc::now().naive_utc();
    let from = address.clone();
    let found = db
        .run(move |conn| {
            let attempt = Attempt {
                address: &network,
                username: &username,
                browser: browser.as_deref(),
            };
            let taken = conn.write(|conn| attempt.take(conn, now))?;
            let storable = !username.contains('\0');
            let user = if storable {
                User::find_by_username(conn, &username).optional()?
            } else {
                None
            };
            match taken {
                Ok(lines) => Ok(Ok((user, lines))),
                Err(throttled) => {
                    refused(conn, Event::LoginThrottled, user.as_ref(), &from)?;
                    Ok(Err(throttled))
                }
            }
        })
        .await?;
    let (user, lines) = match found {
        Ok(found) => found,
        Err(Throttled { wait }) => {
            return Ok(Outcome::Throttled {
                minutes: minutes(wait),
            });
        }
    };
    let stored = user
        .as_ref()
        .map_or(password::UNUSABLE.to_owned(), |user| user.password.clone());
    let (verdict, typed) = hashing
        .run(move || (password::verify(&typed, &stored), typed))
        .await?;
    let opens = |user: &User| verdict != Verdict::Wrong && user.is_active && user.is_staff;
    let Some(user) = user.clone().filter(opens) else {
        db.run(move |conn| Ok(refused(conn, Event::LoginRefused, user.as_ref(), &address)?))
            .await?;
        return Ok(Outcome::Refused);
    };
    let renewed = match verdict {
        Verdict::RightButOld => Some(hashing.run(move || password::hash(&typed)).await?),
        _ => None,
    };
    let welcome = user.clone();
    db.run(move |conn| {
        conn.write(|conn| {
            if let Some(hash) = &renewed {
                User::set_password(conn, user.id, hash)?;
            }
            Attempt::forgive(conn, &lines)?;
            User::note_login(conn, user.id, now)?;
            let event = NewEvent {
                event: Event::LoggedIn,
                user: Some(&user),
                about: &user.username,
                address: &address,
            };
            event.insert(conn)
        })?;
        Ok(())
    })
    .await?;
    Ok(Outcome::Welcome(welcome))
}

/// Records an attempt that did not open the account.
fn refused(
    conn: &mut DbConnection,
    event: Event,
    account: Option<&User>,
    address: &str,
) -> QueryResult<()> {
    let event = NewEvent {
        event,
        user: None,
        about: name_tried(account),
        address,
    };
    event.insert(conn)
}

/// Whole minutes, at least one.
fn minutes(wait: Duration) -> i64 {
    (wait.num_seconds() + 59) / 60
}
