//! Fixtures for tests.

use diesel::QueryResult;
use oc_core::DbConnection;

use crate::{GroupDraft, NewGroup, User, UserDraft};

/// A valid draft; override fields with struct update syntax.
#[must_use]
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

/// A valid group with this name.
#[must_use]
pub fn group(name: &str) -> NewGroup {
    let draft = GroupDraft {
        name: name.to_owned(),
    };
    draft.check().expect("the fixture is valid")
}
