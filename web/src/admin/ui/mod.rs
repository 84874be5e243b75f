//! Parts that every admin page shares.

pub(crate) mod field;
pub(crate) mod form_data;
pub(crate) mod messages;
pub(crate) mod popup;
pub(crate) mod request;
