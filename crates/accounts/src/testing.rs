//! Fixtures for tests.

use diesel::prelude::*;
use oc_core::DbConnection;

use crate::schema::users;
use crate::{GroupDraft, NewGroup, User, UserDraft};

/// A valid draft; override fields with struct update syntax.
pub fn user_draft(username: &str) -> UserDraft {
    UserDraft {
        username: username.to_owned(),
        first_name: "Ada".to_owned(),
        last_name: "Paul".to_owned(),
        email: format!("{}@example.org", username.to_lowercase()),
    }
}

/// Inserts a user with this username and returns its id.
pub fn user(conn: &mut DbConnection, username: &str) -> QueryResult<i64> {
    let user = user_draft(username).check();
    User::insert(conn, &user.expect("the fixture is valid"))
}

impl User {
    /// Grants or revokes staff status.
    pub fn set_staff(conn: &mut DbConnection, id: i64, is_staff: bool) -> QueryResult<()> {
        let update = diesel::update(users::table.find(id)).set(users::is_staff.eq(is_staff));
        update.execute(conn).map(drop)
    }

    /// Activates or deactivates an account.
    pub fn set_active(conn: &mut DbConnection, id: i64, is_active: bool) -> QueryResult<()> {
        let update = diesel::update(users::table.find(id)).set(users::is_active.eq(is_active));
        update.execute(conn).map(drop)
    }
}

/// A valid group with this name.
pub fn group(name: &str) -> NewGroup {
    let draft = GroupDraft {
        name: name.to_owned(),
    };
    draft.check().expect("the fixture is valid")
}
