//! Reports of errors to Sentry.

use actix_web::HttpResponse;
use actix_web::error::BlockingError;
use actix_web::http::StatusCode;
use sentry::{Hub, Level};
use sentry_anyhow::capture_anyhow;

use crate::error::PageError;

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
pub(crate) fn capture_fault<B>(response: &HttpResponse<B>) {
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
    let client = Hub::current().client();
    client.is_some_and(|client| client.is_enabled())
}

/// Whether the setting `SENTRY_SEND_DEFAULT_PII` is on.
pub fn sends_pii() -> bool {
    let client = Hub::current().client();
    client.is_some_and(|client| client.options().send_default_pii)
}
