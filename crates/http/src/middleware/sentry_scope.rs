//! Sentry scope of a request: route, id, URL, visitor; and reports of faults.

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::error::BlockingError;
use actix_web::http::StatusCode;
use actix_web::http::header::USER_AGENT;
use actix_web::middleware::Next;
use actix_web::web::Data;
use actix_web::{Error, HttpRequest, HttpResponse};
use sentry::protocol::{IpAddress, Request, User};
use sentry::{Hub, Level, TransactionOrSpan};
use sentry_anyhow::capture_anyhow;

use crate::error::PageError;
use crate::redact::redact_emails;
use crate::request_context;
use crate::site::Site;
use crate::trusted_proxies::TrustedProxies;

/// Describes the request to the Sentry hub that the layer outside of this one created for it.
pub async fn sentry_scope(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let description = describe(request.request());
    let visitor = sends_pii().then(|| visitor(request.request()));
    let context = request_context::current();
    sentry::configure_scope(|scope| {
        if let Some(context) = context {
            let name = format!("{} {}", request.method(), context.route.name);
            scope.set_transaction(Some(&name));
            scope.set_tag("request_id", &context.id);
            if let Some(span @ TransactionOrSpan::Transaction(_)) = scope.get_span() {
                span.set_name(&name);
                span.set_tag("request_id", &context.id);
                span.set_request(description.clone());
            }
        }
        scope.set_user(visitor);
        scope.add_event_processor(move |mut event| {
            event.request = Some(description.clone());
            Some(event)
        });
    });
    Ok(next.call(request).await?.map_into_boxed_body())
}

/// Adds the signed-in user's id to reports, where personal data may be sent.
pub fn set_sentry_user(id: i64) {
    if sends_pii() {
        sentry::configure_scope(|scope| {
            let mut user = scope.user().cloned().unwrap_or_default();
            user.id = Some(id.to_string());
            scope.set_user(Some(user));
        });
    }
}

/// Reports an internal error. An unavailable database (503) is not reported.
pub(super) fn capture_fault<B>(response: &HttpResponse<B>) {
    if response.status() != StatusCode::INTERNAL_SERVER_ERROR {
        return;
    }
    let error = response.error();
    match error.and_then(|error| error.as_error::<PageError>()) {
        // A panic on another thread, which the panic hook reported.
        Some(PageError::Internal(cause)) if cause.is::<BlockingError>() => {}
        Some(PageError::Internal(cause)) => {
            capture_anyhow(cause);
        }
        _ => {
            let message = error.map_or_else(|| "no error".to_owned(), ToString::to_string);
            sentry::capture_message(&format!("internal server error: {message}"), Level::Error);
        }
    }
}

/// Whether internal errors are reported.
pub fn reports_faults() -> bool {
    Hub::current()
        .client()
        .is_some_and(|client| client.is_enabled())
}

/// Whether the setting `SENTRY_SEND_DEFAULT_PII` is on.
pub fn sends_pii() -> bool {
    let client = Hub::current().client();
    client.is_some_and(|client| client.options().send_default_pii)
}

/// Method and URL; no query, and no header but the browser's name where personal data may be sent.
fn describe(request: &HttpRequest) -> Request {
    let site = request.app_data::<Data<Site>>();
    let url = site.and_then(|site| site.url(&redact_emails(request.path())).parse().ok());
    let user_agent = request.headers().get(USER_AGENT).filter(|_| sends_pii());
    let user_agent = user_agent.and_then(|value| value.to_str().ok());
    Request {
        url,
        method: Some(request.method().to_string()),
        headers: user_agent
            .map(|value| ("User-Agent".to_owned(), redact_emails(value).into_owned()))
            .into_iter()
            .collect(),
        ..Request::default()
    }
}

/// The visitor's address.
fn visitor(request: &HttpRequest) -> User {
    let proxies = request.app_data::<Data<TrustedProxies>>();
    let address = proxies.and_then(|proxies| proxies.client_address(request));
    User {
        ip_address: address.map(IpAddress::Exact),
        ..User::default()
    }
}
