//! The audit log.

pub(crate) mod entry_view;
pub(crate) mod page;
pub(crate) mod query;
pub(crate) mod snapshot;
