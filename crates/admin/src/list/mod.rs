//! Lists of objects.

pub(crate) mod action;
pub(crate) mod export;
pub(crate) mod page;
