//! Sessions: who is logged in, known to every node.

use chrono::{Duration, NaiveDateTime};
use diesel::prelude::*;
use sha2::{Digest, Sha256};

use crate::connection::DbConnection;
use crate::schema::sessions;

/// A session ends when nobody used it for so long.
const IDLE: Duration = Duration::hours(12);
/// A session ends when it is this old, used or not.
const OLDEST: Duration = Duration::days(14);
/// A use is noted when the last one was noted this long ago, so that reading does not write every time.
const NOTED_EVERY: Duration = Duration::minutes(1);

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
}

fn token_hash(token: &str) -> String {
    hex::encode(Sha256::digest(token))
}

impl Session {
    /// The session that a token opens, if it is still alive at `now`; notes that it was used.
    pub fn find(
        conn: &mut DbConnection,
        token: &str,
        now: NaiveDateTime,
    ) -> QueryResult<Option<Self>> {
        let found: Option<Self> = Self::query()
            .filter(sessions::token_hash.eq(token_hash(token)))
            .filter(sessions::seen_at.gt(now - IDLE))
            .filter(sessions::created_at.gt(now - OLDEST))
            .first(conn)
            .optional()?;
        if let Some(session) = &found
            && session.seen_at < now - NOTED_EVERY
        {
            diesel::update(sessions::table.find(session.id))
                .set(sessions::seen_at.eq(now))
                .execute(conn)?;
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
                sessions::created_at.eq(now),
                sessions::seen_at.eq(now),
            ))
            .execute(conn)?;
        Ok(())
    }

    /// Changes what a session remembers; false where it has ended.
    pub fn update(conn: &mut DbConnection, token: &str, state: &str) -> QueryResult<bool> {
        let changed =
            diesel::update(sessions::table.filter(sessions::token_hash.eq(token_hash(token))))
                .set(sessions::state.eq(state))
                .execute(conn)?;
        Ok(changed == 1)
    }

    /// Ends the session that a token opens.
    pub fn end(conn: &mut DbConnection, token: &str) -> QueryResult<()> {
        diesel::delete(sessions::table.filter(sessions::token_hash.eq(token_hash(token))))
            .execute(conn)?;
        Ok(())
    }

    /// Ends every session of a user, but for the one of `keep`.
    pub fn end_all(conn: &mut DbConnection, user_id: i64, keep: Option<&str>) -> QueryResult<()> {
        let kept = keep.map(token_hash).unwrap_or_default();
        diesel::delete(
            sessions::table
                .filter(sessions::user_id.eq(user_id))
                .filter(sessions::token_hash.ne(kept)),
        )
        .execute(conn)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{on_both, user};

    fn at(minutes: i64) -> NaiveDateTime {
        chrono::DateTime::UNIX_EPOCH.naive_utc() + Duration::minutes(minutes)
    }

    fn open(conn: &mut DbConnection, token: &str, user_id: i64) -> QueryResult<()> {
        Session::insert(
            conn,
            NewSession {
                token,
                user_id,
                state: "{}",
            },
            at(0),
        )
    }

    #[test]
    fn a_session_ends_after_twelve_idle_hours() -> anyhow::Result<()> {
        on_both(|conn| {
            let id = user(conn, "ada")?;
            open(conn, "token", id)?;

            assert!(Session::find(conn, "token", at(11 * 60))?.is_some());
            assert!(Session::find(conn, "token", at(22 * 60))?.is_some());
            assert!(Session::find(conn, "token", at(35 * 60))?.is_none());
            assert!(Session::find(conn, "other", at(1))?.is_none());
            Ok(())
        })
    }

    #[test]
    fn a_session_ends_after_fourteen_days_of_use() -> anyhow::Result<()> {
        on_both(|conn| {
            let id = user(conn, "ada")?;
            open(conn, "token", id)?;

            let last = (0..400).step_by(6).map(|hour| -> anyhow::Result<_> {
                Ok(Session::find(conn, "token", at(hour * 60))?.map(|_| hour))
            });

            assert_eq!(
                last.collect::<anyhow::Result<Vec<_>>>()?
                    .into_iter()
                    .flatten()
                    .max(),
                Some(330)
            );
            Ok(())
        })
    }

    #[test]
    fn the_token_itself_is_not_stored() -> anyhow::Result<()> {
        on_both(|conn| {
            let id = user(conn, "ada")?;
            open(conn, "token", id)?;

            let stored: String = sessions::table.select(sessions::token_hash).first(conn)?;

            assert_eq!(stored.len(), 64);
            assert!(!stored.contains("token"));
            Ok(())
        })
    }

    #[test]
    fn all_sessions_of_a_user_end_but_the_one_that_is_kept() -> anyhow::Result<()> {
        on_both(|conn| {
            let (ada, bob) = (user(conn, "ada")?, user(conn, "bob")?);
            for (token, id) in [("a1", ada), ("a2", ada), ("b1", bob)] {
                open(conn, token, id)?;
            }
            assert!(Session::update(conn, "a2", "kept")?);

            Session::end_all(conn, ada, Some("a2"))?;
            let mut state =
                |token| Session::find(conn, token, at(1)).map(|session| session.map(|s| s.state));

            assert_eq!(state("a1")?, None);
            assert_eq!(state("a2")?.as_deref(), Some("kept"));
            assert!(state("b1")?.is_some());
            Session::end_all(conn, ada, None)?;
            Session::end(conn, "b1")?;
            assert_eq!(sessions::table.count().get_result::<i64>(conn)?, 0);
            Ok(())
        })
    }
}
