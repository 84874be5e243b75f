//! Parts that every admin page shares.

pub(crate) mod csv;
pub(crate) mod field;
pub(crate) mod layout;
pub(crate) mod links;
pub(crate) mod navigation;
pub(crate) mod submission;
