//! Import of CSV files and Excel workbooks.

mod cell;
mod csv_table;
mod csv_text;
pub(crate) mod handlers;
mod importer;
mod page;
mod spreadsheet;
#[cfg(test)]
mod tests;
mod workbook;
