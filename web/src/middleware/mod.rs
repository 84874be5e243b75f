//! What every request passes, from the outside in: its name and its line in the log, security headers, compression and validators, pages for
//! errors, the check of the host.

mod access;
mod errors;
mod headers;
mod hosts;
mod representation;

pub(crate) use access::observe;
pub(crate) use errors::error_pages;
pub(crate) use headers::security_headers;
pub(crate) use hosts::check_host;
pub(crate) use representation::represent;
