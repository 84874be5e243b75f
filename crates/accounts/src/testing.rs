//! Fixtures for tests.

use diesel::QueryResult;
use oc_core::DbConnection;

use crate::{AccountStatus, GroupDraft, NewGroup, User, UserDraft};

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
    pub fn set_staff(conn: &mut DbConnection, id: i64, is_staff: bool) -> QueryResult<bool> {
        let user = Self::find(conn, id)?;
        let status = AccountStatus {
            is_active: user.is_active,
            is_staff,
            is_superuser: user.is_superuser,
            last_login: user.last_login,
            date_joined: user.date_joined,
        };
        Self::set_status(conn, id, &status)
    }
}

/// A valid group with this name.
pub fn group(name: &str) -> NewGroup {
    let draft = GroupDraft {
        name: name.to_owned(),
    };
    draft.check().expect("the fixture is valid")
}
