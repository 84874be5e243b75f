//! Lists of objects.

pub(crate) mod action;
mod bulk_edit;
pub(crate) mod page;
