//! The handlers, one file a resource. None imports another.

pub(crate) mod asset;
pub(crate) mod fallback;
pub(crate) mod feed;
pub(crate) mod health;
pub(crate) mod home;
pub(crate) mod lettings;
pub(crate) mod profiles;
pub(crate) mod sitemap;
