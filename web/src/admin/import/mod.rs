//! Files of rows, taken in.

mod column;
pub(crate) mod handlers;
mod importer;
mod order;
mod packed;
mod page;
mod sheet;
mod task;
mod text;
pub(crate) mod upload;

pub(crate) use column::names;
use importer::PreviewChange;
pub(crate) use importer::{ImportOutcome, Importer};
pub(crate) use packed::{decode, encode, sign};
pub(crate) use page::{ImportPage, attempt};
pub(crate) use sheet::{CsvTable, MAX_ROWS, RowError};
