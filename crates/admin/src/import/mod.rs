//! CSV import, with a preview.

mod column;
pub(crate) mod handlers;
mod importer;
mod packed;
mod page;
mod sheet;
mod task;
mod text;
pub(crate) mod upload;
