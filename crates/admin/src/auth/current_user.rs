//! The logged-in user: extracted by every page of the admin except the login.

use std::future::Future;
use std::pin::Pin;

use accounts::User;
use accounts::{Permissions, SecondFactor};
use actix_web::dev::Payload;
use actix_web::web::Data;
use actix_web::{FromRequest, HttpRequest};
use chrono::{Duration, NaiveDateTime, Utc};
use diesel::OptionalExtension;
use oc_http::middleware::set_sentry_user;
use oc_http::{Db, PageError};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::auth::session::AdminSession;
use crate::state::AdminState;

/// The page to change one's own password.
const PASSWORD_CHANGE: &str = "/admin/password_change/";
/// The page to set up two-factor authentication.
pub(crate) const TWO_FACTOR: &str = "/admin/two_factor/";
/// Logging out is always possible.
const LOGOUT: &str = "/admin/logout/";

/// Sensitive actions require a password entered within this time.
const RECENT: Duration = Duration::minutes(15);

/// A logged-in member of staff. Loaded for each request, so that a withdrawn permission is effective immediately.
pub(crate) struct CurrentUser {
    pub(crate) user: User,
    pub(crate) permissions: Permissions,
    /// Whether they use two-factor authentication.
    pub(crate) has_factor: bool,
    /// Id of this session.
    pub(crate) session_id: i64,
    authenticated_at: Option<NaiveDateTime>,
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

/// The login.
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
    /// The user of a session, if they are still active staff.
    pub(crate) async fn find(db: &Db, session: &AdminSession) -> Result<Option<Self>, PageError> {
        let (Some(id), Some(session_id)) = (session.user_id(), session.row_id()) else {
            return Ok(None);
        };
        let authenticated_at = session.authenticated_at();
        db.read(move |conn| {
            let user = User::find(conn, id)
                .optional()?
                .filter(|user| user.is_active && user.is_staff);
            let Some(user) = user else {
                return Ok(None);
            };
            Ok(Some(Self {
                permissions: Permissions::for_user(conn, &user)?,
                has_factor: SecondFactor::find(conn, id)?.is_some(),
                user,
                session_id,
                authenticated_at,
            }))
        })
        .await
    }

    pub(crate) fn recently_authenticated(&self) -> bool {
        let now = Utc::now().naive_utc();
        self.authenticated_at
            .is_some_and(|at| at <= now && now - at < RECENT)
    }
}

impl FromRequest for CurrentUser {
    type Error = PageError;
    type Future = Pin<Box<dyn Future<Output = Result<Self, PageError>>>>;

    /// Redirects to the login, or to the page that has to come first.
    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let session = AdminSession::from_request(request);
        let db = request.app_data::<Data<Db>>().cloned();
        let requires_totp = request
            .app_data::<Data<AdminState>>()
            .is_some_and(|state| state.require_totp);
        let path = request.path().to_owned();
        let target = request.uri().path_and_query();
        let next = target
            .map_or("/admin/", |target| target.as_str())
            .to_owned();
        Box::pin(async move {
            let missing = || PageError::Internal(anyhow::anyhow!("the server has no database"));
            let db = db.ok_or_else(missing)?;
            let Some(user) = Self::find(&db, &session).await? else {
                let path = login_path(LOGIN, &next);
                return Err(PageError::Redirect { path });
            };
            set_sentry_user(user.user.id);
            session.renew_if_required();
            match pending_requirement(&user.user, user.has_factor, requires_totp) {
                Some(required) if path != required && path != LOGOUT => Err(PageError::Redirect {
                    path: required.to_owned(),
                }),
                _ => Ok(user),
            }
        })
    }
}
