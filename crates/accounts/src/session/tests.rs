//! Tests of sessions.

use oc_core::testing::{TestDb, on_both};

use crate::testing::user;
use crate::{User, password};

use super::*;

fn at(minutes: i64) -> NaiveDateTime {
    chrono::DateTime::UNIX_EPOCH.naive_utc() + Duration::minutes(minutes)
}

fn open(conn: &mut DbConnection, token: &str, user_id: i64) -> QueryResult<()> {
    let login = SessionLogin::new(password::UNUSABLE, "192.0.2.1", "Lynx", at(0));
    Session::insert(conn, token, user_id, "{}", &login, at(0))
}

/// A user with an open session, whose token is `token`.
fn user_with_session(conn: &mut DbConnection) -> QueryResult<i64> {
    let id = user(conn, "ada")?;
    open(conn, "token", id)?;
    Ok(id)
}

#[test]
fn a_session_ends_after_twelve_idle_hours() -> anyhow::Result<()> {
    on_both(|conn| {
        user_with_session(conn)?;

        assert!(Session::find_and_touch(conn, "token", at(11 * 60))?.is_some());
        assert!(Session::find_and_touch(conn, "token", at(22 * 60))?.is_some());
        assert!(Session::find_and_touch(conn, "token", at(35 * 60))?.is_none());
        assert!(Session::find_and_touch(conn, "other", at(1))?.is_none());
        Ok(())
    })
}

#[test]
fn a_session_ends_after_fourteen_days_of_use() -> anyhow::Result<()> {
    on_both(|conn| {
        user_with_session(conn)?;

        let mut last = None;
        for hour in (0..400).step_by(6) {
            let found = Session::find_and_touch(conn, "token", at(hour * 60))?;
            last = found.map(|_| hour).or(last);
        }

        assert_eq!(last, Some(330));
        Ok(())
    })
}

#[test]
fn a_session_dated_in_the_future_is_not_valid() -> anyhow::Result<()> {
    on_both(|conn| {
        user_with_session(conn)?;

        for (minutes, is_valid) in [(-24 * 60, false), (-2, false), (-1, true), (0, true)] {
            let found = Session::find(conn, "token", at(minutes))?;
            assert_eq!(found.is_some(), is_valid, "{minutes}");
        }
        // Used while the clock was an hour ahead: the time of use is corrected.
        Session::find_and_touch(conn, "token", at(60))?;
        Session::find_and_touch(conn, "token", at(0))?;
        let seen = Session::find(conn, "token", at(0))?.map(|session| session.seen_at);
        assert_eq!(seen, Some(at(0)));
        Ok(())
    })
}

#[test]
fn a_session_is_found_during_another_write() -> anyhow::Result<()> {
    for db in TestDb::each()? {
        let (mut writer, mut conn) = (db.connect()?, db.connect()?);
        user_with_session(&mut conn)?;

        let found = writer.write(|writer| -> anyhow::Result<_> {
            diesel::update(sessions::table)
                .set(sessions::state.eq("held"))
                .execute(writer)?;
            Ok(Session::find_and_touch(&mut conn, "token", at(5))?)
        })?;
        let next = Session::find_and_touch(&mut conn, "token", at(6))?;
        let noted = Session::find_and_touch(&mut conn, "token", at(6))?;

        assert!(found.is_some());
        assert_eq!(next.map(|session| session.seen_at), Some(at(0)));
        assert_eq!(noted.map(|session| session.seen_at), Some(at(6)));
    }
    Ok(())
}

#[test]
fn the_token_itself_is_not_stored() -> anyhow::Result<()> {
    on_both(|conn| {
        user_with_session(conn)?;

        let stored: String = sessions::table.select(sessions::token_hash).first(conn)?;

        assert_eq!(stored.len(), 64);
        assert!(!stored.contains("token"));
        Ok(())
    })
}

#[test]
fn all_sessions_of_a_user_end_except_the_given_one() -> anyhow::Result<()> {
    on_both(|conn| {
        let (ada, bob) = (user(conn, "ada")?, user(conn, "bob")?);
        for (token, id) in [("a1", ada), ("a2", ada), ("b1", bob)] {
            open(conn, token, id)?;
        }
        assert!(Session::update(conn, "a2", "kept", None)?);
        let kept = Session::find_and_touch(conn, "a2", at(1))?.map(|session| session.id);

        assert_eq!(Session::end_all(conn, ada, kept)?, 1);
        let mut state = |token| {
            Session::find_and_touch(conn, token, at(1)).map(|session| session.map(|s| s.state))
        };

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
fn an_older_request_does_not_reset_the_reauthentication() -> anyhow::Result<()> {
    on_both(|conn| {
        user_with_session(conn)?;

        for proved_at in [Some(at(5)), Some(at(3)), None] {
            assert!(Session::update(conn, "token", "{}", proved_at)?);
        }

        let session = Session::find_and_touch(conn, "token", at(6))?;
        assert_eq!(session.and_then(|it| it.login.proved_at), Some(at(5)));
        Ok(())
    })
}

#[test]
fn active_sessions_of_a_user_are_listed_and_ended() -> anyhow::Result<()> {
    on_both(|conn| {
        let (ada, bob) = (user(conn, "ada")?, user(conn, "bob")?);
        for (token, id) in [("a1", ada), ("a2", ada), ("b1", bob)] {
            open(conn, token, id)?;
        }
        Session::find_and_touch(conn, "a1", at(60))?;
        Session::renew_all(conn, &[ada])?;

        let seen = Session::for_user(conn, ada, at(61))?;
        let first = &seen[0];

        assert_eq!(seen.len(), 2);
        assert_eq!((first.seen_at, first.must_renew), (at(60), true));
        let login = &first.login;
        assert_eq!(
            (login.address.as_str(), login.browser.as_str()),
            ("192.0.2.1", "Lynx")
        );
        assert!(!Session::end_one(conn, bob, first.id)?);
        assert!(Session::end_one(conn, ada, first.id)?);
        assert!(!Session::end_one(conn, ada, first.id)?);
        assert_eq!(Session::for_user(conn, ada, at(61))?.len(), 1);
        assert!(Session::for_user(conn, ada, at(12 * 60))?.is_empty());
        assert!(!Session::for_user(conn, bob, at(1))?[0].must_renew);
        Ok(())
    })
}

#[test]
fn a_renewed_token_keeps_the_age_of_the_session() -> anyhow::Result<()> {
    on_both(|conn| {
        let id = user(conn, "ada")?;
        let login = SessionLogin::new(password::UNUSABLE, "", &"b".repeat(300), at(0));
        Session::insert(conn, "token", id, "{}", &login, at(13 * 24 * 60))?;

        let found = Session::find_and_touch(conn, "token", at(13 * 24 * 60 + 1))?;

        assert_eq!(login.browser.len(), 255);
        assert_eq!(found.map(|session| session.login), Some(login));
        assert!(Session::find_and_touch(conn, "token", at(14 * 24 * 60))?.is_none());
        Ok(())
    })
}

#[test]
fn a_session_stored_after_a_password_change_is_not_found() -> anyhow::Result<()> {
    on_both(|conn| {
        let id = user(conn, "ada")?;
        User::set_password(conn, id, "another")?;
        // Stored after the change by a login that began before it.
        open(conn, "late", id)?;

        assert!(Session::find_and_touch(conn, "late", at(1))?.is_none());
        assert!(Session::for_user(conn, id, at(1))?.is_empty());
        Ok(())
    })
}

#[test]
fn rehashing_the_same_password_keeps_the_session() -> anyhow::Result<()> {
    on_both(|conn| {
        let id = user_with_session(conn)?;

        User::set_password(conn, id, "anew")?;
        Session::follow_rehash(conn, id, (password::UNUSABLE, "anew"))?;

        assert!(Session::find_and_touch(conn, "token", at(1))?.is_some());
        Session::follow_rehash(conn, id, ("other", "anew2"))?;
        User::set_password(conn, id, "anew2")?;
        assert!(Session::find_and_touch(conn, "token", at(1))?.is_none());
        Ok(())
    })
}
