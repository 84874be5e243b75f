//! Error pages in the site's layout; plain text if that fails.

use std::panic::AssertUnwindSafe;

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::error::InternalError;
use actix_web::http::StatusCode;
use actix_web::http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use actix_web::middleware::Next;
use actix_web::web::Data;
use actix_web::{Error, HttpResponse};
use futures_util::FutureExt;
use serde::Serialize;

use crate::error::PageError;
use crate::head::Head;
use crate::pages::{Page, Pages};
use crate::reports::{capture_fault, reports_faults};
use crate::site::Site;

#[derive(Serialize)]
struct ErrorPage {
    head: Head,
    status: u16,
    heading: &'static str,
    message: &'static str,
}

impl Page for ErrorPage {
    const TEMPLATE: &'static str = "error.html";
}

/// Adds a page to errors without a body, and turns a panic into a 500.
pub async fn error_pages(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    // Cloned now: the router panics if a clone of the request exists while the inner services run.
    let pages = request.app_data::<Data<Pages>>().cloned();
    let site = request.app_data::<Data<Site>>().cloned();
    let with_page = |response| add_page(response, pages.as_ref().zip(site.as_ref()));
    match AssertUnwindSafe(next.call(request)).catch_unwind().await {
        Ok(Ok(response)) => {
            capture_fault(response.response());
            let response = response.map_into_boxed_body();
            let status = response.status();
            if !(status.is_client_error() || status.is_server_error()) || has_page(&response) {
                return Ok(response);
            }
            let (request, response) = response.into_parts();
            Ok(ServiceResponse::new(request, with_page(response)))
        }
        // Inner middleware failed: the session store, when the database is unavailable.
        Ok(Err(error)) if error.as_response_error().status_code().is_server_error() => {
            let mut response = HttpResponse::ServiceUnavailable();
            let response = response.insert_header((RETRY_AFTER, "5")).finish();
            Err(InternalError::from_response(error, with_page(response)).into())
        }
        Ok(Err(error)) => Err(error),
        Err(_) => {
            let response = HttpResponse::InternalServerError().finish();
            Err(InternalError::from_response("panic", with_page(response)).into())
        }
    }
}

/// Whether the handler has written the body of the error.
fn has_page(response: &ServiceResponse<BoxBody>) -> bool {
    response.headers().get(CONTENT_TYPE).is_some_and(|value| {
        let value = value.as_bytes();
        value.starts_with(b"text/html") || value.starts_with(b"application/json")
    })
}

fn add_page(
    response: HttpResponse,
    templates: Option<(&Data<Pages>, &Data<Site>)>,
) -> HttpResponse {
    let status = response.status();
    let error = response.error().and_then(|error| error.as_error());
    let (heading, message) = explain(status, error);
    let page = templates.and_then(|(pages, site)| {
        let page = ErrorPage {
            head: Head::for_error(site, heading),
            status: status.as_u16(),
            heading,
            message,
        };
        let logged = |error: &PageError| {
            log::error!("could not render the error page for {status}: {error}");
        };
        pages.text(&page).inspect_err(logged).ok()
    });
    let (content_type, text) = match page {
        Some(page) => (ErrorPage::CONTENT_TYPE, page),
        None => (
            "text/plain; charset=utf-8",
            format!("{heading}\n\n{message}\n"),
        ),
    };
    let mut response = response.set_body(BoxBody::new(text));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// Heading and text of an error page: what happened, and what to do. They contain nothing from the request or the cause.
fn explain(status: StatusCode, error: Option<&PageError>) -> (&'static str, &'static str) {
    match (status.as_u16(), error) {
        (_, Some(PageError::Overloaded)) => (
            "The site is busy",
            "The site has too many visitors at the moment. Try again in a few seconds.",
        ),
        (_, Some(PageError::ReadOnly)) => (
            "The site is read-only",
            "You can read all pages, but you cannot log in or make changes during maintenance. \
             Your changes have not been saved.",
        ),
        (_, Some(PageError::WriteOutcomeUnknown(_))) => (
            "We do not know if your changes were saved",
            "The database did not respond in time. Your changes may have been saved, or may still be. \
             Check before you try again.",
        ),
        (403, _) => ("Forbidden", "You do not have permission to see this page."),
        (404, _) => (
            "Page not found",
            "There is no page at this address. Check the address, or start from the home page.",
        ),
        (405, _) => (
            "Method not allowed",
            "This page does not accept that kind of request.",
        ),
        (408, _) => (
            "Request timed out",
            "Your request took too long to arrive. Try again.",
        ),
        (413, _) => (
            "Too large",
            "The file or form is too large. Send less at a time.",
        ),
        (414, _) => (
            "Address too long",
            "That address is too long. Shorten it, or start from the home page.",
        ),
        (431, _) => (
            "Request too large",
            "Your browser sent too much data. Try deleting the cookies for this site.",
        ),
        (400..=499, _) => (
            "Bad request",
            "Something in that request was not valid. Go back and try again.",
        ),
        (503, _) => (
            "Temporarily unavailable",
            "The site is temporarily unavailable. Try again in a few seconds.",
        ),
        _ if reports_faults() => (
            "Something went wrong",
            "There is a problem with the site, and we have been notified. Try again later.",
        ),
        _ => (
            "Something went wrong",
            "There is a problem with the site. Try again later.",
        ),
    }
}

#[cfg(test)]
mod tests {
    use actix_web::App;
    use actix_web::body::to_bytes;
    use actix_web::middleware::from_fn;
    use actix_web::test::{TestRequest, call_service, init_service};
    use actix_web::web::get;

    use super::*;
    async fn failing() -> Result<HttpResponse, PageError> {
        Err(PageError::Internal(anyhow::anyhow!("a secret")))
    }

    #[actix_web::test]
    async fn without_templates_an_error_is_plain_text() {
        let app = App::new()
            .route("/", get().to(failing))
            .wrap(from_fn(error_pages));
        let app = init_service(app).await;

        let response = call_service(&app, TestRequest::get().to_request()).await;

        assert_eq!(
            response.headers().get("content-type").unwrap(),
            "text/plain; charset=utf-8"
        );
        let body = to_bytes(response.into_body()).await.unwrap();
        assert!(body.starts_with(b"Something went wrong"));
    }
}
