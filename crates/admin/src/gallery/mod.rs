//! Images: uploads, and the images that belong to a row.

pub(crate) mod state;
pub(crate) mod upload;
