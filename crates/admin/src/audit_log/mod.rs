//! The audit log.

pub(crate) mod entry_view;
pub(crate) mod log_entry;
pub(crate) mod page;
pub(crate) mod query;
pub(crate) mod snapshot;
