//! Deletion and its confirmation page.

pub(crate) mod cascade;
pub(crate) mod handlers;
