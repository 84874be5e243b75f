//! Accounts: who may log in, and whose profile it is.

use chrono::NaiveDateTime;
use diesel::prelude::*;

use crate::connection::DbConnection;
use crate::rules::{BrokenRule, Checker, FieldError};
use crate::schema::users;

/// The longest username, first name and last name (characters).
pub(crate) const LONGEST_NAME: usize = 150;
/// The longest e-mail address (characters; RFC 5321 with its erratum 1690).
pub(crate) const LONGEST_EMAIL: usize = 254;
/// A password that no hash equals: the account cannot be logged in to until a password is set.
const UNUSABLE_PASSWORD: &str = "!";

/// An account. It holds a secret, so it is never serialized.
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
}

impl User {
    /// The account of that very name.
    pub fn find_by_username(conn: &mut DbConnection, username: &str) -> QueryResult<Self> {
        Self::query()
            .filter(users::username.eq(username))
            .first(conn)
    }

    /// Stores a new account, and says which id it got.
    pub fn insert(conn: &mut DbConnection, user: &NewUser) -> QueryResult<i64> {
        diesel::insert_into(users::table)
            .values(user)
            .returning(users::id)
            .get_result(conn)
    }
}

/// What was typed about a new account.
#[derive(Debug, Clone, Default)]
pub struct UserDraft {
    /// The name to log in with.
    pub username: String,
    /// Maybe empty.
    pub first_name: String,
    /// Maybe empty.
    pub last_name: String,
    /// Maybe empty.
    pub email: String,
}

/// An account that keeps every rule, made by [`UserDraft::check`] alone. Nobody can log in to it yet.
#[derive(Debug, Clone, PartialEq, Eq, Insertable)]
#[diesel(table_name = users)]
pub struct NewUser {
    username: String,
    password: &'static str,
    first_name: String,
    last_name: String,
    email: String,
}

impl UserDraft {
    /// Checks every rule; the only way to a [`NewUser`].
    pub fn check(&self) -> Result<NewUser, Vec<FieldError>> {
        let mut checker = Checker::default();
        let username = checker.text("username", "Username", &self.username, 1, LONGEST_NAME);
        if !username
            .chars()
            .all(|c| c.is_alphanumeric() || "@.+-_".contains(c))
        {
            checker.refuse("username", BrokenRule::Username);
        }
        let user = NewUser {
            username,
            password: UNUSABLE_PASSWORD,
            first_name: checker.text(
                "first_name",
                "First name",
                &self.first_name,
                0,
                LONGEST_NAME,
            ),
            last_name: checker.text("last_name", "Last name", &self.last_name, 0, LONGEST_NAME),
            email: checker.text("email", "Email address", &self.email, 0, LONGEST_EMAIL),
        };
        checker.finish(user)
    }
}

#[cfg(test)]
mod tests {
    use diesel::result::{DatabaseErrorKind, Error};

    use super::*;
    use crate::testing::{on_both, user};

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
    fn a_username_holds_letters_of_any_script_and_five_signs() {
        let check = |username: &str| {
            UserDraft {
                username: username.to_owned(),
                ..UserDraft::default()
            }
            .check()
        };

        for username in ["4meRomance", "Жанна", "a@b.c+d-e_f"] {
            assert!(check(username).is_ok(), "{username}");
        }
        for username in ["", "a b", "a/b", "a\0b", "<b>"] {
            assert!(check(username).is_err(), "{username}");
        }
    }
}
