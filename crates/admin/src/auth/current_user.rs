//! The logged-in user.

use std::ops::Deref;

use accounts::{Permissions, SecondFactor, User};
use chrono::{Duration, NaiveDateTime, Utc};
use diesel::OptionalExtension;
use oc_http::PageError;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::auth::request::AdminRequest;
use crate::editor::Editor;

const PASSWORD_CHANGE: &str = "/admin/password_change/";
pub(crate) const TWO_FACTOR: &str = "/admin/two_factor/";
/// Logging out is always possible.
pub(super) const LOGOUT: &str = "/admin/logout/";

/// Sensitive actions require a password entered within this time.
const RECENT: Duration = Duration::minutes(15);

/// A logged-in member of staff. Loaded for each request, so that a withdrawn permission is effective immediately.
pub(crate) struct CurrentUser {
    pub(crate) editor: Editor,
    pub(crate) has_factor: bool,
    pub(crate) session_id: i64,
    authenticated_at: Option<NaiveDateTime>,
}

impl Deref for CurrentUser {
    type Target = Editor;

    fn deref(&self) -> &Editor {
        &self.editor
    }
}

/// The page that a user has to complete before any other.
pub(crate) fn pending_requirement(
    user: &User,
    has_factor: bool,
    requires_totp: bool,
) -> Option<&'static str> {
    if user.must_change_password {
        Some(PASSWORD_CHANGE)
    } else if user.is_superuser && requires_totp && !has_factor {
        Some(TWO_FACTOR)
    } else {
        None
    }
}

pub(super) const LOGIN: &str = "/admin/login/";

/// What is escaped in the value of a query parameter; slashes are not.
const QUERY_VALUE: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~')
    .remove(b'/');

/// A login page that leads to `next` afterwards.
pub(super) fn login_path(path: &str, next: &str) -> String {
    if next.is_empty() {
        return path.to_owned();
    }
    let next = utf8_percent_encode(next, QUERY_VALUE);
    format!("{path}?next={next}")
}

impl CurrentUser {
    /// The user of the request's session, if they are still active staff.
    pub(crate) async fn find(request: &AdminRequest) -> Result<Option<Self>, PageError> {
        let session = &request.session;
        let (Some(id), Some(session_id)) = (session.user_id(), session.row_id()) else {
            return Ok(None);
        };
        let (registry, authenticated_at) = (request.registry(), session.authenticated_at());
        let user = request.read(move |conn| {
            let user = User::find(conn, id).optional()?;
            let Some(user) = user.filter(User::can_log_in) else {
                return Ok(None);
            };
            let permissions = Permissions::for_user(conn, &user)?;
            Ok(Some(Self {
                editor: Editor {
                    registry,
                    user,
                    permissions,
                },
                has_factor: SecondFactor::find(conn, id)?.is_some(),
                session_id,
                authenticated_at,
            }))
        });
        user.await
    }

    pub(crate) fn recently_authenticated(&self) -> bool {
        let now = Utc::now().naive_utc();
        self.authenticated_at
            .is_some_and(|at| at <= now && now - at < RECENT)
    }
}
