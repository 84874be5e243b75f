//! Files of rows, taken in.

mod column;
mod importer;
mod order;
mod packed;
mod page;
mod sheet;
mod task;
mod text;

pub(super) use column::names;
use importer::Shown;
pub(super) use importer::{Importer, Outcome};
pub(super) use packed::{mark, pack, unpack};
pub(super) use page::{ImportPage, counted};
pub(super) use sheet::{MOST, Mistake, Sheet};
