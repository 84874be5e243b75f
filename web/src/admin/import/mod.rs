//! Files of rows, taken in.

mod column;
mod importer;
mod order;
mod packed;
mod sheet;
mod task;

pub(super) use column::names;
pub(super) use importer::{Importer, Outcome, Shown};
pub(super) use packed::{mark, pack, unpack};
pub(super) use sheet::{MOST, Mistake, Sheet};
