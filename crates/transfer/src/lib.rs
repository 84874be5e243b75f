//! Transfer of every row: into a backup, out of a backup, from one database to another.
//!
//! Tables and columns come from the database's own catalogue, so a table that a later migration adds needs no change
//! here. Values have one canonical form, the same from SQLite and from PostgreSQL, so that checksums can be compared.
//!
//! A [`Source`] yields rows: a [`Snapshot`] of a database or an [`archive::Archive`]. [`archive::write`] stores them in
//! a file, [`load()`] in a [`Target`] database.

pub mod archive;
pub mod catalog;
pub mod column_type;
pub mod digest;
mod input;
mod load;
pub mod progress;
mod reference_schema;
pub mod rows;
pub mod sequences;
mod source;
pub mod table;
mod target;

#[cfg(test)]
mod tests;

pub use input::Input;
pub use load::load;
pub use reference_schema::ReferenceSchema;
pub use source::{Snapshot, Source};
pub use target::{Occupied, Target};
