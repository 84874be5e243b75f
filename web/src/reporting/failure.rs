//! A fault of ours as a report.

use std::error::Error;
use std::fmt;

use actix_web::HttpResponse;
use actix_web::error::BlockingError;
use actix_web::http::StatusCode;
use sentry::integrations::backtrace::current_stacktrace;
use sentry::protocol::Stacktrace;
use sentry::{Hub, Level, event_from_error};

use crate::error::PageError;

/// Where a fault was first seen: what was tried, and the stack at that moment.
pub(crate) struct Origin {
    trying: &'static str,
    stack: Option<Stacktrace>,
}

impl Origin {
    /// Here and now. The stack is only looked at where somebody wants it.
    pub(crate) fn here(trying: &'static str) -> Self {
        let wanted = Hub::with_active(|hub| hub.client().is_some());
        let stack = if wanted { current_stacktrace() } else { None };
        Self { trying, stack }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.trying)
    }
}

impl fmt::Debug for Origin {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.trying)
    }
}

/// Reports an answer that tells of a fault of ours. That the database is away is no fault, and stands in the log; that
/// its file is gone is the operator's, who must hear of it.
pub(crate) fn report<B>(response: &HttpResponse<B>) {
    let status = response.status();
    let error = response.error();
    let page_error = error.and_then(|error| error.as_error::<PageError>());
    let is_lost = matches!(page_error, Some(PageError::Lost(_)));
    if !status.is_server_error() || (status == StatusCode::SERVICE_UNAVAILABLE && !is_lost) {
        return;
    }
    Hub::with_active(|hub| match error {
        Some(error) => match page_error {
            Some(PageError::Internal(cause) | PageError::Lost(cause)) => report_cause(hub, cause),
            _ => {
                hub.capture_error(error);
            }
        },
        None => {
            hub.capture_message(&format!("answered {status} without a reason"), Level::Error);
        }
    });
}

/// Reports a fault that is no request's.
pub(crate) fn report_fault(cause: &anyhow::Error) {
    Hub::with_active(|hub| report_cause(hub, cause));
}

fn report_cause(hub: &Hub, cause: &anyhow::Error) {
    // The work panicked on another thread, and was reported from there.
    if cause.is::<BlockingError>() {
        return;
    }
    let error: &(dyn Error + 'static) = cause.as_ref();
    let mut event = event_from_error(error);
    if let Some(last) = event.exception.values.last_mut()
        && let Some(origin) = cause.downcast_ref::<Origin>()
    {
        "Fault".clone_into(&mut last.ty);
        last.stacktrace.clone_from(&origin.stack);
    }
    hub.capture_event(event);
}
