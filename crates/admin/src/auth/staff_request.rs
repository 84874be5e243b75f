//! A request of a logged-in user, with all that its handler needs.

use std::ops::Deref;
use std::pin::Pin;

use accounts::{User, Verb};
use actix_web::dev::Payload;
use actix_web::http::StatusCode;
use actix_web::web::Data;
use actix_web::{FromRequest, HttpRequest, HttpResponse};
use diesel::QueryResult;
use futures_util::future::try_join3;
use oc_core::DbConnection;
use oc_core::admin::Resource;
use oc_http::{Db, Page, PageError};

use crate::auth::current_user::CurrentUser;
use crate::auth::reauth::Reauth;
use crate::auth::request::AdminRequest;
use crate::auth::throttle::AuthOutcome;
use crate::registry::may_view;
use crate::ui::layout::Breadcrumb;
use crate::ui::links::{change_path, see_other};
use crate::ui::submission::Submission;

/// A request of a logged-in user. Extracting it redirects everybody else to the login.
pub(crate) struct StaffRequest {
    pub(super) request: AdminRequest,
    pub(crate) user: CurrentUser,
    pub(crate) db: Data<Db>,
    reauth: Reauth,
}

impl Deref for StaffRequest {
    type Target = AdminRequest;

    fn deref(&self) -> &AdminRequest {
        &self.request
    }
}

impl FromRequest for StaffRequest {
    type Error = PageError;
    type Future = Pin<Box<dyn Future<Output = Result<Self, PageError>>>>;

    fn from_request(http: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let parts = try_join3(
            AdminRequest::from_request(http, payload),
            CurrentUser::from_request(http, payload),
            Reauth::from_request(http, payload),
        );
        Box::pin(async move {
            let (request, user, reauth) = parts.await?;
            Ok(Self {
                request,
                user,
                db: reauth.db.clone(),
                reauth,
            })
        })
    }
}

impl StaffRequest {
    /// The user, for the log.
    pub(crate) fn actor(&self) -> User {
        self.user.user.clone()
    }

    /// The resource at a path, if the user has a permission on its objects.
    pub(crate) fn find_allowed(
        &self,
        app: &str,
        name: &str,
        verb: Verb,
    ) -> Result<&'static Resource, PageError> {
        let registry = self.registry();
        registry.allowed(&self.user.permissions, (app, name), verb)
    }

    /// The resource at a path, if the user may view its objects.
    pub(crate) fn find_visible(
        &self,
        app: &str,
        name: &str,
    ) -> Result<&'static Resource, PageError> {
        self.registry().visible(&self.user.permissions, (app, name))
    }

    /// Checks the CSRF token of a form without re-authentication.
    pub(crate) fn check_form(&self, submission: &Submission) -> Result<(), PageError> {
        self.request.check_form(Some(&self.user), submission)
    }

    pub(crate) fn accept(&self, submission: Submission) -> Result<Submission, PageError> {
        self.request.accept(&self.user, submission)
    }

    pub(crate) fn accept_or_cancelled(
        &self,
        submission: Submission,
    ) -> Result<Submission, PageError> {
        self.request.accept_or_cancelled(&self.user, submission)
    }

    pub(crate) async fn require_reauth(
        &self,
        submission: &Submission,
    ) -> Result<Option<HttpResponse>, PageError> {
        let (request, user) = (&self.request, &self.user);
        self.reauth.require(request, user, submission).await
    }

    /// Checks the user's own password, throttled like a login.
    pub(super) async fn check_password(
        &self,
        password: &str,
    ) -> Result<AuthOutcome<()>, PageError> {
        let (request, user) = (&self.request, &self.user);
        self.reauth.check(request, user, password, None).await
    }

    /// Runs a transaction.
    pub(crate) async fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut DbConnection) -> QueryResult<T> + Send + 'static,
    ) -> Result<T, PageError> {
        self.db.run(move |conn| Ok(conn.write(work)?)).await
    }

    pub(crate) fn page<P: Page>(
        &self,
        status: StatusCode,
        title: &str,
        breadcrumbs: Vec<Breadcrumb>,
        page: P,
    ) -> Result<HttpResponse, PageError> {
        let user = Some(&self.user);
        self.request.page(status, user, title, breadcrumbs, page)
    }

    /// The breadcrumbs of a page below a list, which is a link for users who may view it.
    pub(crate) fn resource_trail(&self, resource: &Resource, page: &str) -> Vec<Breadcrumb> {
        if may_view(&self.user.permissions, resource) {
            Breadcrumb::below_list(resource, page)
        } else {
            Breadcrumb::trail(&[], page)
        }
    }

    /// The address of an object's form, for users who may view it.
    pub(crate) fn object_href(&self, resource: &Resource, id: i64) -> Option<String> {
        may_view(&self.user.permissions, resource).then(|| change_path(resource, id))
    }

    /// Redirects after a success, with a message.
    pub(crate) fn succeed(&self, text: impl Into<String>, path: &str) -> HttpResponse {
        self.session.add_message("success", text);
        see_other(path)
    }
}
