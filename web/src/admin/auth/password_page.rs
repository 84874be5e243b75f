//! Pages on which a password is typed, and the record that one was changed.

use accounts::{User, policy};
use audit::{AuditEntry, NewAuditEntry};
use diesel::QueryResult;
use oc_core::DbConnection;
use serde::Serialize;

use crate::admin::ui::field::{ErrorSummary, FieldView, Section};
use crate::admin::ui::popup::ReturnLink;
use crate::pages::Page;

/// The rules, in the words of a form's help.
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
    /// Why one is here, where one did not ask to be.
    pub(crate) notice: Option<&'static str>,
    /// Whether it is about one's own password.
    pub(crate) is_own: bool,
    pub(crate) sections: Vec<Section>,
    pub(crate) rules: [&'static str; 4],
    pub(crate) button: &'static str,
    pub(crate) error_summary: Option<ErrorSummary>,
    #[serde(flatten)]
    pub(crate) way: ReturnLink,
}

impl Page for PasswordPage {
    const TEMPLATE: &'static str = "admin/password.html";
}

/// What is wrong with a password and its repetition.
#[derive(Default)]
pub(crate) struct PasswordErrors {
    new: Vec<String>,
    again: Vec<String>,
}

impl PasswordErrors {
    /// Holds a password of somebody else against the rules; it must not resemble what is known about them.
    pub(crate) fn of(new: &str, again: &str, about: &[(&'static str, &str)]) -> Self {
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

    /// Whether there is nothing wrong.
    pub(crate) fn is_empty(&self) -> bool {
        self.new.is_empty() && self.again.is_empty()
    }

    /// Both fields, with what is wrong beside them.
    pub(crate) fn fields(self) -> [FieldView; 2] {
        [
            FieldView::password("password1", "Password", "new-password", self.new),
            FieldView::password("password2", "Confirm password", "new-password", self.again),
        ]
    }
}

/// Records that `actor`, or somebody at the command line, gave an account another password. Call it in the write that does.
pub(crate) fn record(
    conn: &mut DbConnection,
    actor: Option<&User>,
    id: i64,
    username: &str,
) -> QueryResult<()> {
    let change = NewAuditEntry {
        actor: actor.map(User::actor),
        model: "auth.user",
        object_id: Some(id),
        title: username,
        action: "password",
        before: "",
        after: "",
    };
    AuditEntry::insert(conn, &change)
}
