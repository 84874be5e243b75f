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
}

fn shortened(text: &str, longest: usize) -> String {
    text.chars().take(longest).collect()
}

fn token_hash(token: &str) -> String {
    hex::encode(Sha256::digest(token))
}

impl Session {
    /// The session that a token opens, if it is still alive at `now`.
    pub fn look_up(
        conn: &mut DbConnection,
        token: &str,
        now: NaiveDateTime,
    ) -> QueryResult<Option<Self>> {
        Self::query()
            .filter(sessions::token_hash.eq(token_hash(token)))
            .filter(sessions::seen_at.gt(now - IDLE))
            .filter(sessions::created_at.gt(now - OLDEST))
            .first(conn)
            .optional()
    }

    /// The same session; notes that it was used.
    pub fn find(
        conn: &mut DbConnection,
        token: &str,
        now: NaiveDateTime,
    ) -> QueryResult<Option<Self>> {
        let found = Self::look_up(conn, token, now)?;
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
                sessions::created_at.eq(new.created_at.unwrap_or(now)),
                sessions::seen_at.eq(now),
                sessions::proved_at.eq(new.proved_at),
                sessions::address.eq(shortened(new.address, LONGEST_ADDRESS)),
                sessions::browser.eq(shortened(new.browser, LONGEST_BROWSER)),
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
            // A request that began before the proof must not take it back.
            let earlier = sessions::proved_at
                .is_null()
                .or(sessions::proved_at.lt(proved_at));
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
        Self::query()
            .filter(sessions::user_id.eq(user_id))
            .filter(sessions::seen_at.gt(now - IDLE))
            .filter(sessions::created_at.gt(now - OLDEST))
            .order((sessions::seen_at.desc(), sessions::id.desc()))
            .load(conn)
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
                created_at: None,
                proved_at: None,
                address: "192.0.2.1",
                browser: "Lynx",
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
            assert!(Session::update(conn, "a2", "kept", None)?);
            let kept = Session::find(conn, "a2", at(1))?.map(|session| session.id);

            assert_eq!(Session::end_all(conn, ada, kept)?, 1);
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

    #[test]
    fn a_proof_is_never_taken_back_by_an_older_request() -> anyhow::Result<()> {
        on_both(|conn| {
            let id = user(conn, "ada")?;
            open(conn, "token", id)?;

            for proved_at in [Some(at(5)), Some(at(3)), None] {
                assert!(Session::update(conn, "token", "{}", proved_at)?);
            }

            let session = Session::find(conn, "token", at(6))?;
            assert_eq!(session.and_then(|session| session.proved_at), Some(at(5)));
            Ok(())
        })
    }

    #[test]
    fn a_user_sees_their_living_sessions_and_ends_them_one_by_one() -> anyhow::Result<()> {
        on_both(|conn| {
            let (ada, bob) = (user(conn, "ada")?, user(conn, "bob")?);
            for (token, id) in [("a1", ada), ("a2", ada), ("b1", bob)] {
                open(conn, token, id)?;
            }
            Session::find(conn, "a1", at(60))?;
            Session::renew_all(conn, &[ada])?;

            let seen = Session::of_user(conn, ada, at(61))?;
            let first = &seen[0];

            assert_eq!(seen.len(), 2);
            assert_eq!((first.seen_at, first.must_renew), (at(60), true));
            assert_eq!(
                (first.address.as_str(), first.browser.as_str()),
                ("192.0.2.1", "Lynx")
            );
            assert!(!Session::end_one(conn, bob, first.id)?);
            assert!(Session::end_one(conn, ada, first.id)?);
            assert!(!Session::end_one(conn, ada, first.id)?);
            assert_eq!(Session::of_user(conn, ada, at(61))?.len(), 1);
            assert!(Session::of_user(conn, ada, at(12 * 60))?.is_empty());
            assert!(!Session::of_user(conn, bob, at(1))?[0].must_renew);
            Ok(())
        })
    }

    #[test]
    fn a_session_that_goes_on_under_another_token_is_as_old_as_before() -> anyhow::Result<()> {
        on_both(|conn| {
            let id = user(conn, "ada")?;
            let new = NewSession {
                token: "token",
                user_id: id,
                state: "{}",
                created_at: Some(at(0)),
                proved_at: Some(at(1)),
                address: "",
                browser: &"b".repeat(300),
            };
            Session::insert(conn, new, at(13 * 24 * 60))?;

            let found = Session::find(conn, "token", at(13 * 24 * 60 + 1))?;

            let kept = found.map(|s| (s.created_at, s.proved_at, s.browser.len()));
            assert_eq!(kept, Some((at(0), Some(at(1)), 255)));
            assert!(Session::find(conn, "token", at(14 * 24 * 60))?.is_none());
            Ok(())
        })
    }
}
