//! Users.

use chrono::NaiveDateTime;
use diesel::dsl::exists;
use diesel::prelude::*;
use oc_core::locks::lock;
use oc_core::text::normalize_line;
use oc_core::{Actor, DbConnection};
use unicode_normalization::UnicodeNormalization;

use crate::new_user::NewUser;
use crate::schema::users;
use crate::session::Session;

/// An account. It holds a secret, so it is never serialized.
#[expect(
    clippy::struct_excessive_bools,
    reason = "a row of a table, each of whose switches is set on its own"
)]
#[derive(Clone, HasQuery, Identifiable)]
pub struct User {
    /// Its id.
    pub id: i64,
    /// Unique, case-sensitive.
    pub username: String,
    /// The hash of the password, in its own notation.
    pub password: String,
    /// Maybe empty.
    pub first_name: String,
    /// Maybe empty.
    pub last_name: String,
    /// Maybe empty.
    pub email: String,
    /// Whether it may be used at all.
    pub is_active: bool,
    /// Whether it opens the administration.
    pub is_staff: bool,
    /// Whether it has every right.
    pub is_superuser: bool,
    /// The last time somebody logged in (UTC).
    pub last_login: Option<NaiveDateTime>,
    /// When it was created (UTC).
    pub date_joined: NaiveDateTime,
    /// Whether its owner has to choose another password before anything else.
    pub must_change_password: bool,
}

impl User {
    /// The user with this username.
    pub fn find_by_username(conn: &mut DbConnection, username: &str) -> QueryResult<Self> {
        Self::query()
            .filter(users::username.eq(username))
            .first(conn)
    }

    /// The user with this id.
    pub fn find(conn: &mut DbConnection, id: i64) -> QueryResult<Self> {
        Self::query().find(id).first(conn)
    }

    /// The existing users with these ids.
    pub fn find_all(conn: &mut DbConnection, ids: &[i64]) -> QueryResult<Vec<Self>> {
        Self::query()
            .filter(users::id.eq_any(ids.to_vec()))
            .order(users::id)
            .load(conn)
    }

    /// Inserts an account and returns its id.
    pub fn insert(conn: &mut DbConnection, user: &NewUser) -> QueryResult<i64> {
        diesel::insert_into(users::table)
            .values(user)
            .returning(users::id)
            .get_result(conn)
    }

    /// Inserts a deleted account under its old id.
    pub fn restore(conn: &mut DbConnection, id: i64, user: &NewUser) -> QueryResult<()> {
        diesel::insert_into(users::table)
            .values((users::id.eq(id), user))
            .execute(conn)
            .map(drop)
    }

    /// Changes the names and the e-mail address of an account, and nothing else; false where there is none.
    pub fn update(conn: &mut DbConnection, id: i64, user: &NewUser) -> QueryResult<bool> {
        let names = (
            users::username.eq(&user.username),
            users::first_name.eq(&user.first_name),
            users::last_name.eq(&user.last_name),
            users::email.eq(&user.email),
        );
        Ok(diesel::update(users::table.find(id))
            .set(names)
            .execute(conn)?
            == 1)
    }

    /// Deletes users and everything that cascades.
    pub fn delete(conn: &mut DbConnection, ids: &[i64]) -> QueryResult<()> {
        diesel::delete(users::table.filter(users::id.eq_any(ids.to_vec()))).execute(conn)?;
        Ok(())
    }

    /// Sets a new password by its hash; false where there is no such account. Ends no session.
    pub fn set_password(conn: &mut DbConnection, id: i64, hash: &str) -> QueryResult<bool> {
        Ok(diesel::update(users::table.find(id))
            .set(users::password.eq(hash))
            .execute(conn)?
            == 1)
    }

    /// Asks the owner for another password before anything else, or no longer.
    pub fn set_must_change_password(
        conn: &mut DbConnection,
        id: i64,
        must: bool,
    ) -> QueryResult<bool> {
        Ok(diesel::update(users::table.find(id))
            .set(users::must_change_password.eq(must))
            .execute(conn)?
            == 1)
    }

    /// Lets an account into the administration, or no longer.
    pub fn set_staff(conn: &mut DbConnection, id: i64, is_staff: bool) -> QueryResult<bool> {
        Session::renew_all(conn, &[id])?;
        Ok(diesel::update(users::table.find(id))
            .set(users::is_staff.eq(is_staff))
            .execute(conn)?
            == 1)
    }

    /// Gives an account every right, with staff status.
    pub fn make_superuser(conn: &mut DbConnection, id: i64) -> QueryResult<bool> {
        Session::renew_all(conn, &[id])?;
        let every = (users::is_staff.eq(true), users::is_superuser.eq(true));
        Ok(diesel::update(users::table.find(id))
            .set(every)
            .execute(conn)?
            == 1)
    }

    /// Whether there is an active superuser with staff status besides this one. Concurrent transactions that ask wait for each other.
    pub fn has_other_superuser(conn: &mut DbConnection, id: i64) -> QueryResult<bool> {
        lock(conn, "superusers", 0)?;
        let others = users::table
            .filter(
                users::is_active
                    .and(users::is_staff)
                    .and(users::is_superuser),
            )
            .filter(users::id.ne(id));
        diesel::select(exists(others)).get_result(conn)
    }

    /// Notes that somebody logged in.
    pub fn note_login(conn: &mut DbConnection, id: i64, now: NaiveDateTime) -> QueryResult<()> {
        diesel::update(users::table.find(id))
            .set(users::last_login.eq(now))
            .execute(conn)?;
        Ok(())
    }

    /// This user as the author of a change.
    #[must_use]
    pub fn actor(&self) -> Actor<'_> {
        Actor {
            id: self.id,
            username: &self.username,
        }
    }

    /// What everybody may guess of a password's owner, for the rule that it must not be similar.
    #[must_use]
    pub fn about(&self) -> [(&'static str, &str); 4] {
        [
            ("username", &self.username),
            ("first name", &self.first_name),
            ("last name", &self.last_name),
            ("email address", &self.email),
        ]
    }
}

/// A username as it is stored: without the blanks around it, and in one way where letters can be written in two
/// (Unicode's NFKC), so that they are one user.
#[must_use]
pub fn normalized(username: &str) -> String {
    normalize_line(username).nfkc().collect()
}

#[cfg(test)]
mod tests {
    use diesel::result::{DatabaseErrorKind, Error};
    use oc_core::testing::on_both;

    use crate::testing::user;

    use super::*;

    #[test]
    fn usernames_are_unique_and_case_sensitive() -> anyhow::Result<()> {
        on_both(|conn| {
            user(conn, "AirWow")?;

            assert!(user(conn, "airwow").is_ok());
            assert!(matches!(
                user(conn, "AirWow"),
                Err(Error::DatabaseError(DatabaseErrorKind::UniqueViolation, _))
            ));
            assert_eq!(User::find_by_username(conn, "airwow")?.username, "airwow");
            Ok(())
        })
    }

    #[test]
    fn an_account_gets_a_password_and_every_right() -> anyhow::Result<()> {
        on_both(|conn| {
            let id = user(conn, "ada")?;
            let now = chrono::DateTime::UNIX_EPOCH.naive_utc();

            assert!(User::set_password(conn, id, "hash")? && User::make_superuser(conn, id)?);
            User::note_login(conn, id, now)?;

            let user = User::find(conn, id)?;
            assert_eq!(
                (user.password.as_str(), user.last_login),
                ("hash", Some(now))
            );
            assert!(user.is_staff && user.is_superuser && !user.must_change_password);
            assert!(User::set_must_change_password(conn, id, true)?);
            assert!(User::find(conn, id)?.must_change_password);
            assert!(!User::set_password(conn, id + 1, "hash")?);
            Ok(())
        })
    }
}
