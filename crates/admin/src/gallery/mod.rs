//! Images: uploads, and the images that belong to a row.

pub(crate) mod upload;
pub(crate) mod view;
