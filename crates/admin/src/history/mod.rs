//! History of objects, and restoring earlier versions.

pub(crate) mod change_set;
pub(crate) mod deleted;
pub(crate) mod handlers;
pub(crate) mod restore;
mod restorer;
pub(crate) mod revision;
