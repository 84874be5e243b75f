//! Session store in the database, shared by all nodes.

use chrono::{Duration, NaiveDateTime, Utc};
use diesel::prelude::*;
use oc_core::DbConnection;
use oc_core::hints::is_transient;
use oc_core::timeouts::try_without_lock_wait;
use sha2::{Digest, Sha256};

use crate::schema::{sessions, users};

/// A session ends when nobody used it for so long.
const IDLE: Duration = Duration::hours(12);
/// A session ends when it is this old, used or not.
const OLDEST: Duration = Duration::days(14);
/// A use is noted when the last one was noted this long ago, so that reading does not write every time.
const NOTED_EVERY: Duration = Duration::minutes(1);

/// The longest network address and name of a browser that are kept (characters).
const LONGEST_ADDRESS: usize = 64;
const LONGEST_BROWSER: usize = 255;

/// A session that is alive.
#[derive(Debug, Clone, PartialEq, Eq, HasQuery, Identifiable)]
#[diesel(table_name = sessions)]
pub struct Session {
    /// Its id, to tell it from others in a list; it opens nothing.
    pub id: i64,
    /// Whose it is.
    pub user_id: i64,
    /// What it remembers, in the caller's own notation.
    pub state: String,
    /// When it began (UTC).
    pub created_at: NaiveDateTime,
    /// When it was last used, to the minute (UTC).
    pub seen_at: NaiveDateTime,
    /// When its owner last proved who they are, by password and second factor (UTC).
    pub proved_at: Option<NaiveDateTime>,
    /// The network address that it was begun from.
    pub address: String,
    /// What the browser called itself that began it.
    pub browser: String,
    /// Whether it should go on under another token, since its owner's rights were changed.
    pub must_renew: bool,
    /// The mark of the password that opened it, by [`Session::password_mark`]; empty where that was not noted yet.
    pub password_mark: String,
}

/// A session to be stored.
#[derive(Debug, Clone, Copy)]
pub struct NewSession<'a> {
    /// The secret in the visitor's cookie. Its hash alone is stored.
    pub token: &'a str,
    /// Whose it is.
    pub user_id: i64,
    /// What it remembers.
    pub state: &'a str,
    /// When it began, where it goes on under another token; otherwise it begins now.
    pub created_at: Option<NaiveDateTime>,
    /// When its owner proved who they are.
    pub proved_at: Option<NaiveDateTime>,
    /// The network address that it was begun from.
    pub address: &'a str,
    /// What the browser calls itself; what is too long is cut.
    pub browser: &'a str,
    /// The mark of the password that opened it.
    pub password_mark: &'a str,
}

fn shortened(text: &str, longest: usize) -> String {
    text.chars().take(longest).collect()
}

fn token_hash(token: &str) -> String {
    hex::encode(Sha256::digest(token))
}

impl Session {
    /// What a session keeps of the stored hash of the password that opened it.
    #[must_use]
    pub fn password_mark(hash: &str) -> String {
        hex::encode(Sha256::digest(hash))
    }

    /// The session that a token opens, if it is still alive at `now` and its owner's password is the one that opened
    /// it.
    pub fn look_up(
        conn: &mut DbConnection,
        token: &str,
        now: NaiveDateTime,
    ) -> QueryResult<Option<Self>> {
        let found: Option<(Self, String)> = sessions::table
            .inner_join(users::table)
            .filter(sessions::token_hash.eq(token_hash(token)))
            .filter(sessions::seen_at.gt(now - IDLE))
            .filter(sessions::created_at.gt(now - OLDEST))
            .select((Self::as_select(), users::password))
            .first(conn)
            .optional()?;
        Ok(found
            .filter(|(session, password)| session.is_opened_by(password))
            .map(|(session, _)| session))
    }

    fn is_opened_by(&self, password: &str) -> bool {
        self.password_mark.is_empty() || self.password_mark == Self::password_mark(password)
    }

    /// The same session; notes that it was used, unless somebody else writes just then: that can be done at the next
    /// use as well.
    pub fn find(
        conn: &mut DbConnection,
        token: &str,
        now: NaiveDateTime,
    ) -> QueryResult<Option<Self>> {
        let found = Self::look_up(conn, token, now)?;
        if let Some(session) = &found
            && session.seen_at < now - NOTED_EVERY
        {
            let noted = try_without_lock_wait(conn, |conn| {
                diesel::update(sessions::table.find(session.id))
                    .set(sessions::seen_at.eq(now))
                    .execute(conn)
            });
            match noted {
                Err(error) if is_transient(&error) => {
                    log::debug!("the use of a session is not noted: {error}");
                }
                noted => drop(noted?),
            }
        }
        Ok(found)
    }

    /// Stores a new session, and clears away those that have ended.
    pub fn insert(
        conn: &mut DbConnection,
        new: NewSession<'_>,
        now: NaiveDateTime,
    ) -> QueryResult<()> {
        diesel::delete(
            sessions::table.filter(
                sessions::seen_at
                    .le(now - IDLE)
                    .or(sessions::created_at.le(now - OLDEST)),
            ),
        )
        .execute(conn)?;
        diesel::insert_into(sessions::table)
            .values((
                sessions::token_hash.eq(token_hash(new.token)),
                sessions::user_id.eq(new.user_id),
                sessions::state.eq(new.state),
                sessions::created_at.eq(new.created_at.unwrap_or(now)),
                sessions::seen_at.eq(now),
                sessions::proved_at.eq(new.proved_at),
                sessions::address.eq(shortened(new.address, LONGEST_ADDRESS)),
                sessions::browser.eq(shortened(new.browser, LONGEST_BROWSER)),
                sessions::password_mark.eq(new.password_mark),
            ))
            .execute(conn)?;
        Ok(())
    }

    /// Changes what a session remembers, and when its owner last proved who they are, if that is later than known;
    /// false where it has ended.
    pub fn update(
        conn: &mut DbConnection,
        token: &str,
        state: &str,
        proved_at: Option<NaiveDateTime>,
    ) -> QueryResult<bool> {
        let session = sessions::table.filter(sessions::token_hash.eq(token_hash(token)));
        let changed = diesel::update(session)
            .set(sessions::state.eq(state))
            .execute(conn)?;
        if let Some(proved_at) = proved_at {
            // A request that began before must not replace a later proof, unless that is dated in the future.
            let earlier = sessions::proved_at
                .is_null()
                .or(sessions::proved_at.lt(proved_at))
                .or(sessions::proved_at.gt(Utc::now().naive_utc()));
            diesel::update(
                sessions::table
                    .filter(sessions::token_hash.eq(token_hash(token)))
                    .filter(earlier),
            )
            .set(sessions::proved_at.eq(proved_at))
            .execute(conn)?;
        }
        Ok(changed == 1)
    }

    /// The sessions of a user that are alive at `now`, the one that was used last first.
    pub fn of_user(
        conn: &mut DbConnection,
        user_id: i64,
        now: NaiveDateTime,
    ) -> QueryResult<Vec<Self>> {
        let alive: Vec<(Self, String)> = sessions::table
            .inner_join(users::table)
            .filter(sessions::user_id.eq(user_id))
            .filter(sessions::seen_at.gt(now - IDLE))
            .filter(sessions::created_at.gt(now - OLDEST))
            .order((sessions::seen_at.desc(), sessions::id.desc()))
            .select((Self::as_select(), users::password))
            .load(conn)?;
        Ok(alive
            .into_iter()
            .filter(|(session, password)| session.is_opened_by(password))
            .map(|(session, _)| session)
            .collect())
    }

    /// Lets sessions go on whose password was hashed anew, which is the same password.
    pub fn follow_hash(
        conn: &mut DbConnection,
        user_id: i64,
        (old, new): (&str, &str),
    ) -> QueryResult<()> {
        let opened = sessions::table
            .filter(sessions::user_id.eq(user_id))
            .filter(sessions::password_mark.eq(Self::password_mark(old)));
        diesel::update(opened)
            .set(sessions::password_mark.eq(Self::password_mark(new)))
            .execute(conn)?;
        Ok(())
    }

    /// Lets the sessions of these users go on under another token at their next request.
    pub fn renew_all(conn: &mut DbConnection, user_ids: &[i64]) -> QueryResult<()> {
        diesel::update(sessions::table.filter(sessions::user_id.eq_any(user_ids.to_vec())))
            .set(sessions::must_renew.eq(true))
            .execute(conn)?;
        Ok(())
    }

    /// Ends the session that a token opens.
    pub fn end(conn: &mut DbConnection, token: &str) -> QueryResult<()> {
        diesel::delete(sessions::table.filter(sessions::token_hash.eq(token_hash(token))))
            .execute(conn)?;
        Ok(())
    }

    /// Ends one session of a user; false where it is not theirs, or has ended.
    pub fn end_one(conn: &mut DbConnection, user_id: i64, id: i64) -> QueryResult<bool> {
        let session = sessions::table
            .find(id)
            .filter(sessions::user_id.eq(user_id));
        Ok(diesel::delete(session).execute(conn)? == 1)
    }

    /// Ends every session of a user, but for the one with the id `keep`; says how many.
    pub fn end_all(conn: &mut DbConnection, user_id: i64, keep: Option<i64>) -> QueryResult<usize> {
        diesel::delete(
            sessions::table
                .filter(sessions::user_id.eq(user_id))
                .filter(sessions::id.ne(keep.unwrap_or(0))),
        )
        .execute(conn)
    }
}

#[cfg(test)]
mod tests;
