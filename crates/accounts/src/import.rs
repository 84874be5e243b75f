//! Users that are imported from another system, with their ids.

use chrono::NaiveDateTime;
use diesel::prelude::*;

use crate::schema::users;
use oc_core::DbConnection;

use super::new_user::NewUser;
use super::user::User;

/// A user of another system.
#[expect(
    clippy::struct_excessive_bools,
    reason = "the columns of a table, each of which is set on its own"
)]
pub struct ImportedUser {
    /// The id to keep.
    pub id: i64,
    /// Names and e-mail address.
    pub user: NewUser,
    /// The hash of the password.
    pub password: String,
    /// Whether the account can be used.
    pub is_active: bool,
    /// Whether it opens the administration.
    pub is_staff: bool,
    /// Whether it has every permission.
    pub is_superuser: bool,
    /// Time of the last login (UTC).
    pub last_login: Option<NaiveDateTime>,
    /// Time of its creation (UTC).
    pub date_joined: NaiveDateTime,
    /// Whether the password must be changed at the next login.
    pub must_change_password: bool,
}

impl User {
    /// Inserts users with their ids, at most a thousand at a time.
    pub fn insert_imported(conn: &mut DbConnection, rows: Vec<ImportedUser>) -> QueryResult<()> {
        let values = |row: ImportedUser| {
            (
                users::id.eq(row.id),
                users::username.eq(row.user.username),
                users::first_name.eq(row.user.first_name),
                users::last_name.eq(row.user.last_name),
                users::email.eq(row.user.email),
                users::password.eq(row.password),
                users::is_active.eq(row.is_active),
                users::is_staff.eq(row.is_staff),
                users::is_superuser.eq(row.is_superuser),
                users::last_login.eq(row.last_login),
                users::date_joined.eq(row.date_joined),
                users::must_change_password.eq(row.must_change_password),
            )
        };
        let rows: Vec<_> = rows.into_iter().map(values).collect();
        let insert = diesel::insert_into(users::table).values(&rows);
        match conn {
            DbConnection::Postgres(conn) => insert.execute(conn).map(drop),
            DbConnection::Sqlite(conn) => insert.execute(conn).map(drop),
        }
    }
}
