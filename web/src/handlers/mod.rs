//! Handlers, one file per resource. None imports another.

pub(crate) mod company;
pub(crate) mod feed;
pub(crate) mod home;
pub(crate) mod lettings;
pub(crate) mod photos;
pub(crate) mod profiles;
pub(crate) mod sitemap;
