//! CSV import.

mod csv_table;
pub(crate) mod handlers;
mod importer;
mod page;
mod upload;
