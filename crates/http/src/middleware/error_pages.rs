//! Error pages in the site's layout; plain text if that fails.

use std::panic::AssertUnwindSafe;

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::error::InternalError;
use actix_web::http::{StatusCode, header};
use actix_web::middleware::Next;
use actix_web::web::Data;
use actix_web::{Error, HttpResponse};
use futures_util::FutureExt;
use serde::Serialize;

use super::sentry_scope::capture_fault;
use crate::error::PageError;
use crate::error_message::ErrorMessage;
use crate::head::Head;
use crate::pages::{Page, Pages};
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
    let page = |status, message: ErrorMessage| {
        error_page(
            status,
            message,
            pages.as_ref().map(|pages| &***pages),
            site.as_ref().map(|site| &***site),
        )
    };
    let page_for_status = |status| page(status, ErrorMessage::for_status(status));
    let Ok(outcome) = AssertUnwindSafe(next.call(request)).catch_unwind().await else {
        let mut response = HttpResponse::InternalServerError();
        let (content_type, text) = page_for_status(StatusCode::INTERNAL_SERVER_ERROR);
        let response = response
            .insert_header((header::CONTENT_TYPE, content_type))
            .body(text);
        return Err(InternalError::from_response("panic", response).into());
    };
    let response = match outcome {
        Ok(response) => {
            capture_fault(response.response());
            response.map_into_boxed_body()
        }
        // Inner middleware failed: the session store, when the database is unavailable.
        Err(error) if error.as_response_error().status_code().is_server_error() => {
            let (content_type, text) = page_for_status(StatusCode::SERVICE_UNAVAILABLE);
            let response = HttpResponse::ServiceUnavailable()
                .insert_header((header::RETRY_AFTER, "5"))
                .insert_header((header::CACHE_CONTROL, "no-store"))
                .insert_header((header::CONTENT_TYPE, content_type))
                .body(text);
            return Err(InternalError::from_response(error, response).into());
        }
        Err(error) => return Err(error),
    };
    let status = response.status();
    if !(status.is_client_error() || status.is_server_error()) || has_page(&response) {
        return Ok(response);
    }
    let error = response.response().error();
    let message = error
        .and_then(|error| error.as_error::<PageError>())
        .map_or_else(
            || ErrorMessage::for_status(status),
            |error| ErrorMessage::for_error(error, status),
        );
    let (content_type, text) = page(status, message);
    let mut response = response.map_body(|_, _| BoxBody::new(text));
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        header::HeaderValue::from_static(content_type),
    );
    headers.insert(
        header::CACHE_CONTROL,
        header::HeaderValue::from_static("no-store"),
    );
    Ok(response)
}

/// Whether the handler has written the body of the error.
fn has_page(response: &ServiceResponse<BoxBody>) -> bool {
    let content_type = response
        .headers()
        .get(header::CONTENT_TYPE)
        .map(header::HeaderValue::as_bytes);
    content_type.is_some_and(|value| {
        value.starts_with(b"text/html") || value.starts_with(b"application/json")
    })
}

/// Content type and text of an error page.
fn error_page(
    status: StatusCode,
    message: ErrorMessage,
    pages: Option<&Pages>,
    site: Option<&Site>,
) -> (&'static str, String) {
    let ErrorMessage { heading, message } = message;
    let fallback = || {
        (
            "text/plain; charset=utf-8",
            format!("{heading}\n\n{message}\n"),
        )
    };
    let (Some(pages), Some(site)) = (pages, site) else {
        return fallback();
    };
    let head = Head::for_error(site, heading);
    match pages.text(&ErrorPage {
        head,
        status: status.as_u16(),
        heading,
        message,
    }) {
        Ok(text) => (ErrorPage::CONTENT_TYPE, text),
        Err(error) => {
            log::error!("could not render the error page for {status}: {error}");
            fallback()
        }
    }
}

#[cfg(test)]
mod tests {
    use actix_web::App;
    use actix_web::body::to_bytes;
    use actix_web::middleware::from_fn;
    use actix_web::test::{TestRequest, call_service, init_service, try_call_service};
    use actix_web::web::get;

    use super::*;
    use rust_embed::RustEmbed;

    use crate::assets::Assets;
    use crate::middleware::security_headers;

    #[derive(RustEmbed)]
    #[folder = "../../static"]
    struct Static;

    #[derive(RustEmbed)]
    #[folder = "../../templates"]
    struct Templates;

    async fn panicking() -> HttpResponse {
        panic!("a secret");
    }

    async fn failing() -> Result<HttpResponse, PageError> {
        Err(PageError::Internal(anyhow::anyhow!("a secret")))
    }

    #[actix_web::test]
    async fn a_panic_is_an_error_page_with_security_headers() {
        let pages = Data::new(Pages::load::<Templates>(Assets::new::<Static>(), false).unwrap());
        let site = Data::new(Site::new("https://example.org".to_owned(), "/og.png"));
        let app = App::new()
            .app_data(pages)
            .app_data(site)
            .route("/", get().to(panicking))
            .wrap(from_fn(error_pages))
            .wrap(from_fn(security_headers));
        let app = init_service(app).await;

        let error = try_call_service(&app, TestRequest::get().to_request())
            .await
            .err()
            .unwrap();

        let response = error.error_response();
        assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
        assert!(response.headers().contains_key("content-security-policy"));
        let body = to_bytes(response.into_body()).await.unwrap();
        let text = String::from_utf8_lossy(&body);
        assert!(
            text.contains("Something went wrong") && !text.contains("secret"),
            "{text}"
        );
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
