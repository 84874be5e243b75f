//! Backup file: lines of JSON, compressed with gzip.
//!
//! First the [`Header`](super::table::Header). Then for each of its tables, in that order, one line per row (an array of
//! canonical values) and a trailer with row count and checksum. Last a trailer with the number of all rows and the
//! checksum of all lines before it. `docs/operations.md` has an example.

mod output;
mod reader;
mod trailer;
mod writer;

#[cfg(test)]
mod tests;

pub use reader::Archive;
pub use writer::write;
