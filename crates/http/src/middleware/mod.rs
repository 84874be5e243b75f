//! Middleware of every request, from the outside in: request log, Sentry scope, security headers, compression, error
//! pages, Host check.

mod check_host;
mod compress;
mod error_pages;
mod request_log;
mod sentry_scope;

pub use crate::security_headers::security_headers;
pub use check_host::check_host;
pub(crate) use check_host::host_rejection;
pub use compress::compress;
pub use error_pages::error_pages;
pub use request_log::request_log;
pub use sentry_scope::{reports_faults, sends_pii, sentry_scope, set_sentry_user};
