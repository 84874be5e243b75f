//! Pages to enter a new password, and the audit entry of a changed one.

use accounts::User;
use accounts::policy;
use audit::{AuditEntry, NewAuditEntry};
use diesel::QueryResult;
use oc_core::DbConnection;
use oc_http::Page;
use serde::Serialize;

use crate::ui::field::{Button, ErrorSummary, FieldView, ReturnLink, Section};

/// The password rules as help text.
pub(crate) const RULES: [&str; 4] = [
    "At least 8 characters. Spaces and letters of any script are allowed.",
    "Not a commonly used password.",
    "Not entirely numeric.",
    "Not too similar to the name or email address.",
];

/// A form with passwords.
#[derive(Serialize)]
pub(crate) struct PasswordPage {
    pub(crate) heading: String,
    pub(crate) notice: Option<&'static str>,
    /// Whether it is the user's own password.
    pub(crate) is_own: bool,
    pub(crate) sections: Vec<Section>,
    pub(crate) rules: [&'static str; 4],
    pub(crate) buttons: Vec<Button>,
    pub(crate) error_summary: Option<ErrorSummary>,
    #[serde(flatten)]
    pub(crate) way: ReturnLink,
}

impl Page for PasswordPage {
    const TEMPLATE: &'static str = "admin/password.html";
}

/// Errors of a new password and its confirmation.
#[derive(Default)]
pub(crate) struct PasswordErrors {
    new: Vec<String>,
    again: Vec<String>,
}

impl PasswordErrors {
    /// Checks a password against the rules; it must not resemble what is known about its user.
    pub(crate) fn new(new: &str, again: &str, about: &[(&'static str, &str)]) -> Self {
        let mut mistakes = Self::default();
        if new.is_empty() {
            mistakes.new.push("Password is required.".to_owned());
        } else {
            let weaknesses = policy::weaknesses(new, about);
            mistakes
                .new
                .extend(weaknesses.iter().map(ToString::to_string));
        }
        if again.is_empty() {
            mistakes
                .again
                .push("Confirm password is required.".to_owned());
        } else if new != again {
            mistakes.again.push("The passwords don't match.".to_owned());
        }
        mistakes
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.new.is_empty() && self.again.is_empty()
    }

    /// Both fields with their errors.
    pub(crate) fn fields(self) -> [FieldView; 2] {
        [
            FieldView::password("password1", "Password", "new-password", self.new),
            FieldView::password("password2", "Confirm password", "new-password", self.again),
        ]
    }
}

/// Logs a changed password; without an actor it was changed on the command line. The key is that of the accounts
/// resource. Requires a transaction.
pub(crate) fn record(
    conn: &mut DbConnection,
    actor: Option<&User>,
    key: &str,
    (id, username): (i64, &str),
) -> QueryResult<()> {
    let change = NewAuditEntry {
        actor: actor.map(User::actor),
        model: key,
        object_id: Some(id),
        title: username,
        action: "password",
        before: "",
        after: "",
    };
    AuditEntry::insert(conn, &change)
}
