//! A request of a logged-in user, with all that its handler needs.

use std::ops::Deref;
use std::pin::Pin;

use accounts::{User, Verb};
use actix_web::dev::Payload;
use actix_web::http::StatusCode;
use actix_web::{FromRequest, HttpRequest, HttpResponse};
use oc_core::admin::Resource;
use oc_http::reports::set_sentry_user;
use oc_http::{Page, PageError, PageResult};

use crate::auth::current_user::{CurrentUser, LOGIN, LOGOUT, login_path, pending_requirement};
use crate::auth::request::{AdminRequest, Denial};
use crate::editor::Editor;
use crate::ui::layout::Breadcrumb;
use crate::ui::links::{change_path, see_other};
use crate::ui::submission::Submission;

/// A request of a logged-in user. Extracting it redirects everybody else to the login.
pub(crate) struct StaffRequest {
    pub(super) request: AdminRequest,
    pub(crate) user: CurrentUser,
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

    /// Redirects to the login, or to the page that has to come first.
    fn from_request(http: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = AdminRequest::new(http);
        Box::pin(async move {
            let Some(user) = CurrentUser::find(&request).await? else {
                let login = login_path(LOGIN, &request.target());
                return Err(PageError::Redirect(login));
            };
            set_sentry_user(user.user.id);
            // A read-only site cannot renew the key.
            if !request.db.is_read_only() {
                request.session.renew_if_required();
            }
            let requires_totp = request.state.require_totp;
            let path = request.http.path();
            match pending_requirement(&user.user, user.has_factor, requires_totp) {
                Some(required) if path != required && path != LOGOUT => {
                    Err(PageError::Redirect(required.to_owned()))
                }
                _ => Ok(Self { request, user }),
            }
        })
    }
}

/// A request for a preview of an object, by somebody who may view it. Extracting it redirects others to the login, or
/// rejects them.
pub struct PreviewRequest {
    /// The object's id.
    pub id: i64,
    /// The path of its form.
    pub form_path: String,
    /// Whether the user may also view its images.
    pub shows_images: bool,
}

impl FromRequest for PreviewRequest {
    type Error = PageError;
    type Future = Pin<Box<dyn Future<Output = Result<Self, PageError>>>>;

    fn from_request(http: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let staff = StaffRequest::from_request(http, payload);
        Box::pin(async move {
            let staff = staff.await?;
            let (resource, id) = (staff.viewable_resource()?, staff.id()?);
            let images = resource.gallery.map(|gallery| gallery.resource);
            Ok(Self {
                id,
                form_path: change_path(resource, id),
                shows_images: images.is_some_and(|images| staff.user.may_view(images)),
            })
        })
    }
}

pub(crate) fn forbid_unless(is_permitted: bool) -> Result<(), PageError> {
    is_permitted.then_some(()).ok_or(PageError::Forbidden)
}

impl StaffRequest {
    /// The user, for the log.
    pub(crate) fn actor(&self) -> User {
        self.user.user.clone()
    }

    /// The user and their permissions, for a transaction.
    pub(crate) fn editor(&self) -> Editor {
        self.user.editor.clone()
    }

    pub(crate) fn resource(&self) -> Result<&'static Resource, PageError> {
        let path = self.http.match_info().query("model").split_once('/');
        path.and_then(|(app, name)| self.registry().find(app, name))
            .ok_or(PageError::NotFound)
    }

    /// The id in the path. An invalid one is that of an unknown object.
    pub(crate) fn id(&self) -> Result<i64, PageError> {
        let id = self.http.match_info().query("id");
        id.parse().map_err(|_| PageError::NotFound)
    }

    /// Rejects the request without this permission on a resource, which its page then names.
    pub(crate) fn require(&self, verb: Verb, resource: &Resource) -> Result<(), PageError> {
        let is_permitted = match verb {
            Verb::View => self.user.may_view(resource),
            verb => self.user.may(verb, resource),
        };
        let code = verb.on(resource.app, resource.name);
        self.forbid_unless(is_permitted, &code)
    }

    /// Rejects the request without the permission with this code, which its page then names.
    pub(crate) fn require_code(&self, code: &str) -> Result<(), PageError> {
        self.forbid_unless(self.user.permissions.has(code), code)
    }

    fn forbid_unless(&self, is_permitted: bool, code: &str) -> Result<(), PageError> {
        forbid_unless(is_permitted).inspect_err(|_| {
            self.note_denial(Denial::Permission(code.to_owned()));
        })
    }

    /// The resource in the path, if the user has this permission.
    pub(crate) fn permitted_resource(&self, verb: Verb) -> Result<&'static Resource, PageError> {
        let resource = self.resource()?;
        self.require(verb, resource)?;
        Ok(resource)
    }

    /// The resource in the path, if the user may view its objects.
    pub(crate) fn viewable_resource(&self) -> Result<&'static Resource, PageError> {
        self.permitted_resource(Verb::View)
    }

    /// Checks the CSRF token of a form without re-authentication.
    pub(crate) fn check_form(&self, submission: &Submission) -> Result<(), PageError> {
        let user = Some(&self.user.editor);
        self.request.check_form(user, submission)
    }

    pub(crate) fn page<P: Page>(
        &self,
        status: StatusCode,
        heading: &str,
        breadcrumbs: Vec<Breadcrumb>,
        page: P,
    ) -> PageResult {
        let user = Some(&self.user.editor);
        self.request.page(status, user, heading, breadcrumbs, page)
    }

    pub(crate) fn page_below_index<P: Page>(
        &self,
        status: StatusCode,
        heading: &str,
        page: P,
    ) -> PageResult {
        self.page(status, heading, Breadcrumb::trail(&[], heading), page)
    }

    /// The breadcrumbs of a page below a list, which is a link for users who may view it.
    pub(crate) fn resource_trail(&self, resource: &Resource, page: &str) -> Vec<Breadcrumb> {
        if self.user.may_view(resource) {
            Breadcrumb::below_list(resource, page)
        } else {
            Breadcrumb::trail(&[], page)
        }
    }

    /// The address of an object's form, for users who may view it.
    pub(crate) fn object_href(&self, resource: &Resource, id: i64) -> Option<String> {
        let is_visible = self.user.may_view(resource);
        is_visible.then(|| change_path(resource, id))
    }

    pub(crate) fn succeed(&self, text: impl Into<String>, path: &str) -> HttpResponse {
        self.session.add_message("success", text);
        see_other(path)
    }

    pub(crate) fn warn(&self, text: impl Into<String>, path: &str) -> HttpResponse {
        self.session.add_message("warning", text);
        see_other(path)
    }
}
