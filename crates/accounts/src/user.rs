//! Users.

use chrono::NaiveDateTime;
use diesel::dsl::exists;
use diesel::prelude::*;
use oc_core::locks::lock;
use oc_core::search::lower;
use oc_core::{Actor, DbConnection};

use crate::new_user::{NewUser, normalize_username};
use crate::password::UNUSABLE;
use crate::schema::users;
use crate::session::Session;

/// A user. It contains a secret, so it is never serialized.
#[expect(
    clippy::struct_excessive_bools,
    reason = "columns of a table that are set independently"
)]
#[derive(Clone, HasQuery, Identifiable)]
pub struct User {
    /// Its id.
    pub id: i64,
    /// Unique and case-sensitive.
    pub username: String,
    /// The password hash, see [`password`](crate::password).
    pub password: String,
    /// May be empty.
    pub first_name: String,
    /// May be empty.
    pub last_name: String,
    /// May be empty.
    pub email: String,
    /// Whether the user can log in.
    pub is_active: bool,
    /// Whether the user can open the admin.
    pub is_staff: bool,
    /// Whether the user has all permissions.
    pub is_superuser: bool,
    /// Time of the last login (UTC).
    pub last_login: Option<NaiveDateTime>,
    /// Time of creation (UTC).
    pub date_joined: NaiveDateTime,
    /// Whether the password must be changed before anything else.
    pub must_change_password: bool,
}

/// Status flags and dates of a user.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Insertable, AsChangeset)]
#[diesel(table_name = users, treat_none_as_null = true, treat_none_as_default_value = false)]
#[expect(missing_docs, reason = "the fields of a user")]
pub struct AccountStatus {
    pub is_active: bool,
    pub is_staff: bool,
    pub is_superuser: bool,
    pub last_login: Option<NaiveDateTime>,
    pub date_joined: NaiveDateTime,
}

impl AccountStatus {
    /// Whether the user is an active superuser who can open the admin.
    pub(crate) fn is_active_superuser(&self) -> bool {
        self.is_active && self.is_staff && self.is_superuser
    }
}

impl User {
    /// The user with this username, which is normalized first.
    pub fn find_by_username(conn: &mut DbConnection, username: &str) -> QueryResult<Self> {
        Self::query()
            .filter(users::username.eq(normalize_username(username)))
            .first(conn)
    }

    /// The users with this email address, in whatever case, who can log in to the admin.
    pub fn staff_by_email(conn: &mut DbConnection, email: &str) -> QueryResult<Vec<Self>> {
        Self::query()
            .filter(lower(users::email).eq(email.to_lowercase()))
            .filter(users::is_active.and(users::is_staff))
            .order(users::id)
            .load(conn)
    }

    /// The user with this id.
    pub fn find(conn: &mut DbConnection, id: i64) -> QueryResult<Self> {
        Self::query().find(id).first(conn)
    }

    /// The existing users with these ids.
    pub(crate) fn find_all(conn: &mut DbConnection, ids: &[i64]) -> QueryResult<Vec<Self>> {
        Self::query()
            .filter(users::id.eq_any(ids.to_vec()))
            .order(users::id)
            .load(conn)
    }

    /// Inserts an active user without permissions or password and returns its id.
    pub fn insert(conn: &mut DbConnection, user: &NewUser) -> QueryResult<i64> {
        diesel::insert_into(users::table)
            .values((user, users::password.eq(UNUSABLE)))
            .returning(users::id)
            .get_result(conn)
    }

    /// Inserts a user without a password and returns its id: a new one, or the id of a deleted user.
    pub(crate) fn insert_with_status(
        conn: &mut DbConnection,
        id: Option<i64>,
        user: &NewUser,
        status: &AccountStatus,
    ) -> QueryResult<i64> {
        let id = id.map(|id| users::id.eq(id));
        diesel::insert_into(users::table)
            .values((id, user, users::password.eq(UNUSABLE), status))
            .returning(users::id)
            .get_result(conn)
    }

    /// Updates names, e-mail address and status; false if the user doesn't exist.
    pub(crate) fn update(
        conn: &mut DbConnection,
        id: i64,
        user: &NewUser,
        status: &AccountStatus,
    ) -> QueryResult<bool> {
        let differs = users::is_staff
            .ne(status.is_staff)
            .or(users::is_superuser.ne(status.is_superuser));
        let changed = exists(users::table.find(id).filter(differs));
        if diesel::select(changed).get_result(conn)? {
            Session::renew_all(conn, &[id])?;
        }
        let update = diesel::update(users::table.find(id)).set((user, status));
        Ok(update.execute(conn)? == 1)
    }

    /// Deletes users and everything that cascades.
    pub(crate) fn delete(conn: &mut DbConnection, ids: &[i64]) -> QueryResult<()> {
        diesel::delete(users::table.filter(users::id.eq_any(ids.to_vec()))).execute(conn)?;
        Ok(())
    }

    /// Sets the password hash; false if the user doesn't exist. Sessions aren't ended.
    pub fn set_password(conn: &mut DbConnection, id: i64, hash: &str) -> QueryResult<bool> {
        let update = diesel::update(users::table.find(id)).set(users::password.eq(hash));
        Ok(update.execute(conn)? == 1)
    }

    /// Sets whether the password must be changed; false if the user doesn't exist.
    pub fn set_must_change_password(
        conn: &mut DbConnection,
        id: i64,
        must: bool,
    ) -> QueryResult<bool> {
        let update = diesel::update(users::table.find(id));
        let update = update.set(users::must_change_password.eq(must));
        Ok(update.execute(conn)? == 1)
    }

    /// Makes a user a superuser with staff status; false if the user doesn't exist.
    pub fn make_superuser(conn: &mut DbConnection, id: i64) -> QueryResult<bool> {
        Session::renew_all(conn, &[id])?;
        let flags = (users::is_staff.eq(true), users::is_superuser.eq(true));
        let update = diesel::update(users::table.find(id)).set(flags);
        Ok(update.execute(conn)? == 1)
    }

    /// Whether no active superuser would remain without these users. Locks out concurrent transactions that ask the
    /// same.
    pub(crate) fn are_last_superusers(conn: &mut DbConnection, ids: &[i64]) -> QueryResult<bool> {
        lock(conn, "superusers", 0)?;
        let superusers: Vec<i64> = users::table
            .filter(
                users::is_active
                    .and(users::is_staff)
                    .and(users::is_superuser),
            )
            .select(users::id)
            .load(conn)?;
        Ok(!superusers.is_empty() && superusers.iter().all(|id| ids.contains(id)))
    }

    /// Stores the time of a login.
    pub fn set_last_login(conn: &mut DbConnection, id: i64, now: NaiveDateTime) -> QueryResult<()> {
        let update = diesel::update(users::table.find(id)).set(users::last_login.eq(now));
        update.execute(conn).map(drop)
    }

    /// Whether the user can log in to the admin.
    pub fn can_log_in(&self) -> bool {
        self.is_active && self.is_staff
    }

    /// The user as the author of a change.
    pub fn actor(&self) -> Actor<'_> {
        Actor {
            id: self.id,
            username: &self.username,
        }
    }

    /// Public facts about the user, as label and text: a password must not be similar to them.
    pub fn about(&self) -> [(&'static str, &str); 4] {
        [
            ("username", &self.username),
            ("first name", &self.first_name),
            ("last name", &self.last_name),
            ("email address", &self.email),
        ]
    }
}

/// A user of another system.
#[derive(Insertable)]
#[diesel(table_name = users)]
pub struct ImportedUser {
    /// The id to keep.
    pub id: i64,
    /// Names and e-mail address.
    #[diesel(embed)]
    pub user: NewUser,
    /// The password hash.
    pub password: String,
    /// Flags and dates.
    #[diesel(embed)]
    pub status: AccountStatus,
    /// Whether the password must be changed before anything else.
    pub must_change_password: bool,
}

impl User {
    /// Inserts users with their ids, at most a thousand at a time.
    pub fn insert_imported(conn: &mut DbConnection, rows: &[ImportedUser]) -> QueryResult<()> {
        conn.insert_rows(diesel::insert_into(users::table).values(rows))
    }
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
    fn a_user_is_found_by_an_unnormalized_username() -> anyhow::Result<()> {
        on_both(|conn| {
            user(conn, "Jos\u{e9}")?;

            for spelling in [" Jos\u{e9} ", "Jose\u{301}", "\u{ff2a}os\u{e9}"] {
                assert!(User::find_by_username(conn, spelling).is_ok(), "{spelling}");
            }
            Ok(())
        })
    }

    #[test]
    fn a_user_gets_a_password_and_becomes_a_superuser() -> anyhow::Result<()> {
        on_both(|conn| {
            let id = user(conn, "ada")?;
            let now = chrono::DateTime::UNIX_EPOCH.naive_utc();

            assert!(User::set_password(conn, id, "hash")? && User::make_superuser(conn, id)?);
            User::set_last_login(conn, id, now)?;

            let user = User::find(conn, id)?;
            let found = User::staff_by_email(conn, "ADA@example.ORG")?;
            assert_eq!(found.len(), 1);
            assert!(User::staff_by_email(conn, "")?.is_empty());
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
