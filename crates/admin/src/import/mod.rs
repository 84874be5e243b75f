//! CSV import, with a preview.

mod column;
mod csv_table;
pub(crate) mod handlers;
mod importer;
mod page;
mod payload;
mod planned_row;
pub(crate) mod upload;
