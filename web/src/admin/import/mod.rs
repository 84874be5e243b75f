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
use importer::Shown;
pub(crate) use importer::{Importer, Outcome};
pub(crate) use packed::{mark, pack, unpack};
pub(crate) use page::{ImportPage, counted};
pub(crate) use sheet::{MOST, Mistake, Sheet};
