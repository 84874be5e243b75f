//! Lists of objects.

pub(crate) mod action;
pub(crate) mod page;
