//! Session store in the database, shared by all nodes.

use chrono::{Duration, NaiveDateTime, Utc};
use diesel::prelude::*;
use oc_core::DbConnection;
use oc_core::hints::is_transient;
use oc_core::timeouts::try_without_lock_wait;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::schema::{sessions, users};

/// Idle timeout of a session.
const IDLE: Duration = Duration::hours(12);
/// Maximum age of a session.
const OLDEST: Duration = Duration::days(14);
/// Sessions dated later than this from now began while a clock was ahead, and are not valid.
const CLOCK_SKEW: Duration = Duration::minutes(1);
/// Resolution of `seen_at`, so that reading doesn't write every time.
const SEEN_RESOLUTION: Duration = Duration::minutes(1);

/// Maximum length of a stored User-Agent, in characters.
const LONGEST_BROWSER: usize = 255;

/// A session that has not expired.
#[derive(Debug, Clone, PartialEq, Eq, HasQuery, Identifiable)]
#[diesel(table_name = sessions)]
pub struct Session {
    /// Its id, for lists; not a secret.
    pub id: i64,
    /// The user.
    pub user_id: i64,
    /// Session data, in the caller's format.
    pub state: String,
    /// Time of the last request, to the minute (UTC).
    pub seen_at: NaiveDateTime,
    /// Whether it must continue under another token, because the user's permissions changed.
    pub must_renew: bool,
    /// What it keeps of its login.
    #[diesel(embed)]
    pub login: SessionLogin,
}

/// What a session keeps of its login, also under another token.
#[derive(
    Debug, Clone, PartialEq, Eq, Queryable, Selectable, Insertable, Serialize, Deserialize,
)]
#[diesel(table_name = sessions, treat_none_as_default_value = false)]
pub struct SessionLogin {
    /// Time of the login (UTC).
    pub created_at: NaiveDateTime,
    /// Time of the last authentication by password and second factor (UTC).
    pub proved_at: Option<NaiveDateTime>,
    /// Network address.
    pub address: String,
    /// User-Agent, truncated if too long.
    pub browser: String,
    /// [`Session::password_mark`] of the password; empty in sessions of older releases.
    pub password_mark: String,
}

impl SessionLogin {
    /// A login at `now`, to an account with this password hash.
    pub fn new(hash: &str, address: &str, browser: &str, now: NaiveDateTime) -> Self {
        Self {
            created_at: now,
            proved_at: Some(now),
            address: address.to_owned(),
            browser: browser.chars().take(LONGEST_BROWSER).collect(),
            password_mark: Session::password_mark(hash),
        }
    }
}

fn sha256(text: &str) -> String {
    hex::encode(Sha256::digest(text))
}

#[diesel::dsl::auto_type(no_type_alias)]
fn with_token(token: &str) -> _ {
    let hash: String = sha256(token);
    sessions::table.filter(sessions::token_hash.eq(hash))
}

impl Session {
    /// Fingerprint of a stored password hash. A session ends when its user's password changes.
    pub fn password_mark(hash: &str) -> String {
        sha256(hash)
    }

    /// The session of a token, if it has not expired at `now` and the user's password has not changed since.
    pub fn find(
        conn: &mut DbConnection,
        token: &str,
        now: NaiveDateTime,
    ) -> QueryResult<Option<Self>> {
        let found: Option<(Self, String)> = with_token(token)
            .inner_join(users::table)
            .select((Self::as_select(), users::password))
            .first(conn)
            .optional()?;
        Ok(found.and_then(|(session, password)| session.if_valid(&password, now)))
    }

    /// The valid sessions of a user, the most recently used first.
    pub fn for_user(
        conn: &mut DbConnection,
        user_id: i64,
        now: NaiveDateTime,
    ) -> QueryResult<Vec<Self>> {
        let found: Vec<(Self, String)> = sessions::table
            .inner_join(users::table)
            .filter(sessions::user_id.eq(user_id))
            .order((sessions::seen_at.desc(), sessions::id.desc()))
            .select((Self::as_select(), users::password))
            .load(conn)?;
        let valid = |(session, password): (Self, String)| session.if_valid(&password, now);
        Ok(found.into_iter().filter_map(valid).collect())
    }

    fn if_valid(self, password: &str, now: NaiveDateTime) -> Option<Self> {
        // One that began while a clock was ahead would not end for as long.
        let is_alive = self.seen_at > now - IDLE
            && self.login.created_at > now - OLDEST
            && self.login.created_at <= now + CLOCK_SKEW;
        let mark = &self.login.password_mark;
        let same_password = mark.is_empty() || *mark == Self::password_mark(password);
        (is_alive && same_password).then_some(self)
    }

    /// Like [`Session::find`], and stores the time of use. If another transaction holds the lock, that is skipped until
    /// the next request.
    pub fn find_and_touch(
        conn: &mut DbConnection,
        token: &str,
        now: NaiveDateTime,
    ) -> QueryResult<Option<Self>> {
        let found = Self::find(conn, token, now)?;
        if let Some(session) = &found
            && (session.seen_at - now).abs() > SEEN_RESOLUTION
        {
            let update = diesel::update(sessions::table.find(session.id));
            let update = update.set(sessions::seen_at.eq(now));
            match try_without_lock_wait(conn, |conn| update.execute(conn)) {
                Err(error) if is_transient(&error) => {
                    log::debug!("could not store the time of use of a session: {error}");
                }
                touched => drop(touched?),
            }
        }
        Ok(found)
    }

    /// Inserts a session, and deletes expired ones. Only a hash of the token is stored.
    pub fn insert(
        conn: &mut DbConnection,
        token: &str,
        user_id: i64,
        state: &str,
        login: &SessionLogin,
        now: NaiveDateTime,
    ) -> QueryResult<()> {
        let expired = sessions::seen_at
            .le(now - IDLE)
            .or(sessions::created_at.le(now - OLDEST));
        diesel::delete(sessions::table.filter(expired)).execute(conn)?;
        diesel::insert_into(sessions::table)
            .values((
                sessions::token_hash.eq(sha256(token)),
                sessions::user_id.eq(user_id),
                sessions::state.eq(state),
                sessions::seen_at.eq(now),
                login,
            ))
            .execute(conn)?;
        Ok(())
    }

    /// Updates the session data, and the time of authentication if it is later than the stored one; false if the
    /// session has ended.
    pub fn update(
        conn: &mut DbConnection,
        token: &str,
        state: &str,
        proved_at: Option<NaiveDateTime>,
    ) -> QueryResult<bool> {
        let update = diesel::update(with_token(token)).set(sessions::state.eq(state));
        let updated = update.execute(conn)? == 1;
        if let Some(proved_at) = proved_at {
            // A concurrent request may have stored a later time; one in the future was stored while the clock was
            // ahead.
            let is_earlier = sessions::proved_at
                .is_null()
                .or(sessions::proved_at.lt(proved_at))
                .or(sessions::proved_at.gt(Utc::now().naive_utc()));
            diesel::update(with_token(token).filter(is_earlier))
                .set(sessions::proved_at.eq(proved_at))
                .execute(conn)?;
        }
        Ok(updated)
    }

    /// Keeps the sessions of a user whose password was rehashed.
    pub fn follow_rehash(
        conn: &mut DbConnection,
        user_id: i64,
        (old, new): (&str, &str),
    ) -> QueryResult<()> {
        let sessions = sessions::table
            .filter(sessions::user_id.eq(user_id))
            .filter(sessions::password_mark.eq(Self::password_mark(old)));
        diesel::update(sessions)
            .set(sessions::password_mark.eq(Self::password_mark(new)))
            .execute(conn)?;
        Ok(())
    }

    /// Makes the sessions of these users continue under another token at their next request.
    pub(crate) fn renew_all(conn: &mut DbConnection, user_ids: &[i64]) -> QueryResult<()> {
        diesel::update(sessions::table.filter(sessions::user_id.eq_any(user_ids.to_vec())))
            .set(sessions::must_renew.eq(true))
            .execute(conn)?;
        Ok(())
    }

    /// Ends the session of a token.
    pub fn end(conn: &mut DbConnection, token: &str) -> QueryResult<()> {
        diesel::delete(with_token(token)).execute(conn)?;
        Ok(())
    }

    /// Ends one session of a user; false if the user has no such session.
    pub fn end_one(conn: &mut DbConnection, user_id: i64, id: i64) -> QueryResult<bool> {
        let session = sessions::table.find(id);
        let session = session.filter(sessions::user_id.eq(user_id));
        Ok(diesel::delete(session).execute(conn)? == 1)
    }

    /// Ends the sessions of a user, except the one with the id `keep`, and returns their number.
    pub fn end_all(conn: &mut DbConnection, user_id: i64, keep: Option<i64>) -> QueryResult<usize> {
        let sessions = sessions::table.filter(sessions::user_id.eq(user_id));
        let sessions = sessions.filter(sessions::id.ne(keep.unwrap_or(0)));
        diesel::delete(sessions).execute(conn)
    }
}

#[cfg(test)]
mod tests;
