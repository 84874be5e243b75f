//! Who is logged in: the one check that every page of the administration makes.

use std::future::Future;
use std::pin::Pin;

use accounts::{Factor, Rights, User};
use actix_session::{Session, SessionExt};
use actix_web::dev::Payload;
use actix_web::web::Data;
use actix_web::{FromRequest, HttpRequest};
use chrono::{Duration, NaiveDateTime, Utc};
use diesel::OptionalExtension;
use oc_http::middleware::set_sentry_user;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::admin::auth::csrf::Csrf;
use crate::admin::auth::session_store::{PROVED, RENEW, ROW, USER};
use crate::admin::ui::request::AdminState;
use crate::db::Db;
use crate::error::PageError;

/// Where one's own password is changed.
const PASSWORD_CHANGE: &str = "/admin/password_change/";
/// Where one's own second factor is set up.
pub(crate) const TWO_FACTOR: &str = "/admin/two_factor/";
/// Where one logs out, whatever else has to be done first.
const LOGOUT: &str = "/admin/logout/";

/// A proof of who somebody is counts this long for acts that matter.
const FRESH: Duration = Duration::minutes(15);

/// A member of staff whose session is alive. Asked anew at each request, so that a right that is taken away is
/// gone at once.
pub(crate) struct CurrentUser {
    pub(crate) user: User,
    pub(crate) rights: Rights,
    /// Whether they have a second factor.
    pub(crate) has_factor: bool,
    /// The id of this session, to tell it from their others.
    pub(crate) session_id: i64,
    proved_at: Option<NaiveDateTime>,
}

/// The page that comes before every other one for a user, if there is something to do first.
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

impl CurrentUser {
    /// Who a session belongs to, if that is still a member of staff.
    pub(crate) async fn find(db: &Db, session: &Session) -> Result<Option<Self>, PageError> {
        let known = |key| session.get::<i64>(key).ok().flatten();
        let (Some(id), Some(session_id)) = (known(USER), known(ROW)) else {
            return Ok(None);
        };
        let proved_at = session.get(PROVED).ok().flatten();
        db.read(move |conn| {
            let user = User::find(conn, id)
                .optional()?
                .filter(|user| user.is_active && user.is_staff);
            let Some(user) = user else {
                return Ok(None);
            };
            Ok(Some(Self {
                rights: Rights::of(conn, &user)?,
                has_factor: Factor::find(conn, id)?.is_some(),
                user,
                session_id,
                proved_at,
            }))
        })
        .await
    }

    /// Whether they proved who they are a short time ago.
    pub(crate) fn recently_authenticated(&self) -> bool {
        let now = Utc::now().naive_utc();
        self.proved_at.is_some_and(|at| now - at < FRESH)
    }
}

/// What is escaped in the value of a query parameter; slashes are not.
const QUERY_VALUE: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'/')
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~');

/// The redirect to the login, and from there back to `next`. `is_unsaved` shows a notice that the form was not saved.
fn login_required(next: &str, is_unsaved: bool) -> PageError {
    let next = utf8_percent_encode(next, QUERY_VALUE);
    let notice = if is_unsaved { "#unsaved" } else { "" };
    PageError::Redirect {
        path: format!("/admin/login/?next={next}{notice}"),
    }
}

impl FromRequest for CurrentUser {
    type Error = PageError;
    type Future = Pin<Box<dyn Future<Output = Result<Self, PageError>>>>;

    /// Sends everybody else to the login, from where they come back; and staff to what has to be done first.
    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let session = request.get_session();
        let db = request.app_data::<Data<Db>>().cloned();
        let requires_totp = request
            .app_data::<Data<AdminState>>()
            .is_some_and(|keys| keys.require_totp);
        let is_unsaved = !request.method().is_safe() && Csrf::is_known(request);
        let path = request.path().to_owned();
        let request = request.clone();
        let next = request
            .uri()
            .path_and_query()
            .map_or("/admin/", |target| target.as_str())
            .to_owned();
        Box::pin(async move {
            let db = db.ok_or_else(|| {
                PageError::Internal(anyhow::anyhow!("the server has no database"))
            })?;
            let user = Self::find(&db, &session)
                .await?
                .ok_or_else(|| login_required(&next, is_unsaved))?;
            set_sentry_user(user.user.id);
            // Removing what is not there would count as a change, and write the session.
            if session.contains_key(RENEW) {
                session.remove(RENEW);
                session.renew();
            }
            let pending_requirement =
                pending_requirement(&user.user, user.has_factor, requires_totp);
            match pending_requirement
                .filter(|pending_requirement| path != *pending_requirement && path != LOGOUT)
            {
                Some(pending_requirement) => Err(PageError::Redirect {
                    path: pending_requirement.to_owned(),
                }),
                None => Ok(user),
            }
        })
    }
}
