//! A form that was sent, kept in a page until it is needed: sealed as a whole, so that nothing of it stands there in
//! clear, and good for its sender at one address alone. Nothing is kept on our side.

use crate::admin::auth::current_user::CurrentUser;
use crate::admin::ui::form_data::Submission;
use crate::admin::ui::request::AdminRequest;

/// What a form is kept for. One counts for nothing else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Until {
    /// Its sender has proved again who they are.
    Proved,
    /// The page that was opened beside it leads back to it.
    Returned,
}

impl Until {
    const fn purpose(self) -> &'static str {
        match self {
            Self::Proved => "kept form",
            Self::Returned => "form to return to",
        }
    }
}

/// Seals a form for the address where it is needed.
pub(crate) fn seal(
    request: &AdminRequest,
    user: &CurrentUser,
    until: Until,
    place: &str,
    form: &Submission,
) -> String {
    let form = form.to_text();
    request
        .key()
        .seal(until.purpose(), &context(user, place), form.as_bytes())
}

/// Opens what was sealed; `None` for what was not, or for somebody or something else.
pub(crate) fn open(
    request: &AdminRequest,
    user: &CurrentUser,
    until: Until,
    place: &str,
    sealed: &str,
) -> Option<Submission> {
    let form = request
        .key()
        .open(until.purpose(), &context(user, place), sealed)?;
    Some(Submission::parse(&form))
}

fn context(user: &CurrentUser, place: &str) -> String {
    format!("{} {place}", user.user.id)
}
