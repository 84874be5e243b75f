//! Every row of the site, moved: into a file, out of a file, from one database to another.
//!
//! Tables and columns come from the database's own catalogue, so a table that a later migration adds is moved
//! without a change here (see [`catalog`] for booleans and times). Values take one canonical form,
//! the same from SQLite and from PostgreSQL, so that checksums can be compared across the two.
//!
//! A [`source::Source`] hands out rows: a [`source::Snapshot`] of a database, or an
//! [`archive::Archive`]. They go into a file ([`archive::write`]) or into a database ([`mod@load`]).

pub mod archive;
pub mod batch;
pub mod catalog;
pub mod counter;
pub mod kind;
pub mod load;
mod pristine;
pub mod progress;
pub mod rows;
mod source;
pub mod table;

#[cfg(test)]
mod tests;

pub use load::{Occupied, load};
pub use source::{Snapshot, Source};
