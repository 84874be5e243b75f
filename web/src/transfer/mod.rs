//! Every row of the site, moved: into a file, out of a file, from one database to another.
//!
//! Tables and columns come from the database's own catalogue, so a table that a later migration adds is moved
//! without a change here (see [`catalog`] for booleans and times). Values take one canonical form,
//! the same from SQLite and from PostgreSQL, so that checksums can be compared across the two.
//!
//! A [`source::Source`] hands out rows: a [`source::Snapshot`] of a database, or an
//! [`archive::Archive`]. They go into a file ([`archive::write`]) or into a database ([`mod@load`]).

pub(crate) mod archive;
pub(crate) mod batch;
pub(crate) mod catalog;
pub(crate) mod counter;
pub(crate) mod kind;
pub(crate) mod load;
mod pristine;
pub(crate) mod progress;
pub(crate) mod rows;
mod source;
pub(crate) mod table;

#[cfg(test)]
mod tests;

pub(crate) use load::{Occupied, load};
pub(crate) use source::{Snapshot, Source};
