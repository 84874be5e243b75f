//! What every request passes, from the outside in: its name and its line in the log, security headers, compression and validators, pages for
//! errors, the check of the host.

mod access;
mod errors;
mod headers;
mod hosts;
mod representation;
mod sentry_scope;
mod words;

pub(crate) use access::observe;
pub(crate) use errors::{error_page, error_pages};
pub(crate) use headers::{TRANSPORT_SECURITY, guard_lines, security_headers};
pub(crate) use hosts::check_host;
pub(crate) use representation::represent;
pub(crate) use sentry_scope::{sentry_scope, set_sentry_user};
pub(crate) use words::Words;
