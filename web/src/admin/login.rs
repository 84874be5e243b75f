//! The door: from a name and a password to a member of staff, without telling why not.

use chrono::{Duration, Utc};
use diesel::OptionalExtension;
use oc_core::User;
use oc_core::accounts::password::{self, Verdict};
use oc_core::accounts::{Attempt, Throttled};

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

/// Tries to log in. Whatever is wrong, it takes the same time and ends the same way.
pub(super) async fn attempt(
    db: &Db,
    hashing: &Hashing,
    address: String,
    browser: Option<String>,
    username: String,
    typed: String,
) -> Result<Outcome, PageError> {
    let now = Utc::now().naive_utc();
    let found = db
        .run(move |conn| {
            let attempt = Attempt {
                address: &address,
                username: &username,
                browser: browser.as_deref(),
            };
            let lines = match conn.write(|conn| attempt.take(conn, now))? {
                Ok(lines) => lines,
                Err(throttled) => return Ok(Err(throttled)),
            };
            let storable = !username.contains('\0');
            let user = if storable {
                User::find_by_username(conn, &username).optional()?
            } else {
                None
            };
            Ok(Ok((user, lines)))
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
    let welcome = user.filter(|user| verdict != Verdict::Wrong && user.is_active && user.is_staff);
    let Some(user) = welcome else {
        return Ok(Outcome::Refused);
    };
    let renewed = match verdict {
        Verdict::RightButOld => Some(hashing.run(move || password::hash(&typed)).await?),
        _ => None,
    };
    let id = user.id;
    db.run(move |conn| {
        conn.write(|conn| {
            if let Some(hash) = &renewed {
                User::set_password(conn, id, hash)?;
            }
            Attempt::forgive(conn, &lines)?;
            User::note_login(conn, id, now)
        })?;
        Ok(())
    })
    .await?;
    Ok(Outcome::Welcome(user))
}

/// Whole minutes, at least one.
fn minutes(wait: Duration) -> i64 {
    (wait.num_seconds() + 59) / 60
}
