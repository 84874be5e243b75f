//! Pages on which a password is typed, and the record that one was changed.

use diesel::QueryResult;
use oc_core::changes::{Change, NewChange};
use oc_core::{DbConnection, User};
use serde::Serialize;

use super::field::{ErrorSummary, Section};
use crate::pages::Page;

/// The rules, in the words of a form's help.
pub(super) const RULES: [&str; 4] = [
    "At least 8 characters; blanks and any script are fine.",
    "Not one of the common passwords.",
    "Not only digits.",
    "Not similar to the name or email address.",
];

/// A form with passwords.
#[derive(Serialize)]
pub(super) struct PasswordPage {
    pub(super) heading: String,
    /// Why one is here, where one did not ask to be.
    pub(super) notice: Option<&'static str>,
    /// Whether it is about one's own password.
    pub(super) is_own: bool,
    pub(super) sections: Vec<Section>,
    pub(super) rules: [&'static str; 4],
    pub(super) button: &'static str,
    pub(super) error_summary: Option<ErrorSummary>,
}

impl Page for PasswordPage {
    const TEMPLATE: &'static str = "admin/password.html";
}

/// Records that `actor` gave an account another password. Call it in the write that does.
pub(super) fn record(
    conn: &mut DbConnection,
    actor: &User,
    id: i64,
    username: &str,
) -> QueryResult<()> {
    let change = NewChange {
        user: Some(actor),
        model: "auth.user",
        object_id: Some(id),
        title: username,
        action: "password",
        before: "",
        after: "",
    };
    Change::insert(conn, &change)
}
