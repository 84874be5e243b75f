//! Denied requests: they are logged, and explained on a page of the admin.

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::StatusCode;
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage, HttpRequest, HttpResponse};
use audit::Event;
use oc_core::validation::{FieldError, Violation};
use oc_http::{Page, PageError, PageResult};
use serde::Serialize;

use crate::auth::current_user::CurrentUser;
use crate::auth::reauth::ReauthResponse;
use crate::auth::request::{AdminRequest, Denial};
use crate::ui::layout::Breadcrumb;
use crate::ui::links::{list_path, see_other};

pub(crate) fn denied_fields(errors: &[FieldError]) -> impl Iterator<Item = &'static str> + use<'_> {
    let is_refused = |error: &&FieldError| {
        matches!(
            error.violation,
            Violation::Beyond { .. } | Violation::Ungranted { .. } | Violation::Unrevocable
        )
    };
    let refused = errors.iter().filter(is_refused);
    refused.map(|error| error.field)
}

/// Logs denied requests and escalations of logged-in users, and explains a 403 within the admin, unless its page asks for
/// a password.
pub(crate) async fn handle_denied(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let response = next.call(request).await?.map_into_boxed_body();
    let reauth = response.request().extensions_mut().remove();
    if let Some(ReauthResponse(page)) = reauth {
        return Ok(response.into_response(page));
    }
    let denial = response.request().extensions().get().cloned();
    let is_denied = response.status() == StatusCode::FORBIDDEN;
    if !is_denied && !matches!(denial, Some(Denial::Escalation(_))) {
        return Ok(response);
    }
    let request = AdminRequest::new(response.request());
    let user = CurrentUser::find(&request).await.unwrap_or_else(|error| {
        log::warn!("could not look up the user of a denied request: {error}");
        None
    });
    if let Some(user) = &user
        && let Err(error) = log_denied(&request, user, denial.as_ref()).await
    {
        log::warn!("could not log a denied request: {error}");
    }
    if !is_denied {
        return Ok(response);
    }
    let page = forbidden_page(&request, user.as_ref(), denial)?;
    Ok(response.into_response(page))
}

/// Redirects to the index with a message if the object in the path doesn't exist.
pub(crate) async fn handle_unknown_object(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let response = next.call(request).await?.map_into_boxed_body();
    let error = response.response().error();
    let redirect = match error.and_then(|error| error.as_error()) {
        Some(PageError::NotFound) => redirect_to_index(response.request()),
        _ => None,
    };
    Ok(match redirect {
        Some(redirect) => response.into_response(redirect),
        None => response,
    })
}

/// `None` if the path is not that of an object.
fn redirect_to_index(http: &HttpRequest) -> Option<HttpResponse> {
    let id = http.match_info().get("id")?;
    let request = AdminRequest::new(http);
    let mut resources = request.registry().all();
    let resource = resources.find(|resource| http.path().starts_with(&list_path(resource)))?;
    let text = format!("There is no {} with ID “{id}”.", resource.singular);
    request.session.add_message("warning", text);
    Some(see_other("/admin/"))
}

async fn log_denied(
    request: &AdminRequest,
    user: &CurrentUser,
    denial: Option<&Denial>,
) -> Result<(), PageError> {
    let mut about = format!("{} {}", request.http.method(), request.http.path());
    if let Some(Denial::Escalation(fields)) = denial {
        about = format!("{about}: {fields}");
    }
    let actor = user.user.clone();
    request.log_event(Event::Refused, actor, about).await
}

#[derive(Serialize)]
struct ForbiddenPage {
    /// The page of a form that was rejected.
    reload_href: Option<String>,
    missing: Option<String>,
}

impl Page for ForbiddenPage {
    const TEMPLATE: &'static str = "admin/forbidden.html";
}

fn forbidden_page(
    request: &AdminRequest,
    user: Option<&CurrentUser>,
    denial: Option<Denial>,
) -> PageResult {
    let (reload_href, missing) = match denial {
        Some(Denial::Form) => (Some(request.target()), None),
        Some(Denial::Permission(code)) => {
            // As in the choices of permissions.
            let mut permissions = request.registry().permissions().into_iter();
            let missing = permissions.find(|choice| choice.value == code);
            (None, missing.map(|choice| choice.label))
        }
        _ => (None, None),
    };
    let page = ForbiddenPage {
        reload_href,
        missing,
    };
    let breadcrumbs = Breadcrumb::trail(&[], "Forbidden");
    let user = user.map(|user| &user.editor);
    request.page(StatusCode::FORBIDDEN, user, "Forbidden", breadcrumbs, page)
}
