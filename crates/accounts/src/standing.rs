//! Status flags and dates of a user.

use chrono::NaiveDateTime;
use diesel::prelude::*;
use oc_core::DbConnection;

use crate::new_user::NewUser;
use crate::schema::users;
use crate::session::Session;
use crate::user::User;

/// The switches and the dates of an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Insertable, AsChangeset)]
#[diesel(table_name = users, treat_none_as_null = true, treat_none_as_default_value = false)]
pub struct Standing {
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
    /// Stores a new account that has a standing already, and says which id it got.
    pub fn insert_with(
        conn: &mut DbConnection,
        user: &NewUser,
        standing: &Standing,
    ) -> QueryResult<i64> {
        diesel::insert_into(users::table)
            .values((user, standing))
            .returning(users::id)
            .get_result(conn)
    }

    /// Sets all of it; false where there is no such account.
    pub fn set_standing(
        conn: &mut DbConnection,
        id: i64,
        standing: &Standing,
    ) -> QueryResult<bool> {
        let opens_other_doors = users::is_staff
            .ne(standing.is_staff)
            .or(users::is_superuser.ne(standing.is_superuser));
        let changed: Option<i64> = users::table
            .find(id)
            .filter(opens_other_doors)
            .select(users::id)
            .first(conn)
            .optional()?;
        if changed.is_some() {
            Session::renew_all(conn, &[id])?;
        }
        Ok(diesel::update(users::table.find(id))
            .set(standing)
            .execute(conn)?
            == 1)
    }
}
