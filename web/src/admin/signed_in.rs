//! Who is logged in: the one check that every page of the administration makes.

use std::future::Future;
use std::pin::Pin;

use actix_session::{Session, SessionExt};
use actix_web::dev::Payload;
use actix_web::web::Data;
use actix_web::{FromRequest, HttpRequest};
use diesel::OptionalExtension;
use oc_core::User;
use oc_core::accounts::Rights;

use super::store::USER;
use crate::db::Db;
use crate::error::PageError;

/// Where one's own password is changed.
pub(super) const PASSWORD_CHANGE: &str = "/admin/password_change/";
/// Where one logs out, whatever else has to be done first.
const LOGOUT: &str = "/admin/logout/";

/// A member of staff whose session is alive. Asked anew at each request, so that a right that is taken away is
/// gone at once.
pub(super) struct SignedIn {
    pub(super) user: User,
    pub(super) rights: Rights,
}

impl SignedIn {
    /// Who a session belongs to, if that is still a member of staff.
    pub(super) async fn find(db: &Db, session: &Session) -> Result<Option<Self>, PageError> {
        let Some(id) = session.get::<i64>(USER).ok().flatten() else {
            return Ok(None);
        };
        db.run(move |conn| {
            let user = User::find(conn, id)
                .optional()?
                .filter(|user| user.is_active && user.is_staff);
            let Some(user) = user else {
                return Ok(None);
            };
            let rights = Rights::of(conn, &user)?;
            Ok(Some(Self { user, rights }))
        })
        .await
    }

    /// The page that comes before every other one, if there is something to do first.
    fn first(&self, path: &str) -> Option<&'static str> {
        let due = self.user.must_change_password.then_some(PASSWORD_CHANGE)?;
        (path != due && path != LOGOUT).then_some(due)
    }
}

impl FromRequest for SignedIn {
    type Error = PageError;
    type Future = Pin<Box<dyn Future<Output = Result<Self, PageError>>>>;

    /// Sends everybody else to the login, from where they come back; and staff to what has to be done first.
    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let session = request.get_session();
        let db = request.app_data::<Data<Db>>().cloned();
        let path = request.path().to_owned();
        let next = request
            .uri()
            .path_and_query()
            .map_or("/admin/", |target| target.as_str())
            .to_owned();
        Box::pin(async move {
            let db = db.ok_or_else(|| {
                PageError::Internal(anyhow::anyhow!("the server has no database"))
            })?;
            let signed_in = Self::find(&db, &session)
                .await?
                .ok_or(PageError::LoginRequired { next })?;
            match signed_in.first(&path) {
                Some(path) => Err(PageError::First {
                    path: path.to_owned(),
                }),
                None => Ok(signed_in),
            }
        })
    }
}
