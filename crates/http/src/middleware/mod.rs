//! Middleware of every request, from the outside in: request log, security headers, compression, error pages, Host
//! check.

mod check_host;
mod compress;
mod error_pages;
mod request_log;

pub use crate::security_headers::security_headers;
pub use check_host::check_host;
pub(crate) use check_host::host_rejection;
pub use compress::compress;
pub use error_pages::error_pages;
pub use request_log::request_log;
