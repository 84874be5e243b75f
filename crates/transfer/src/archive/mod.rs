//! The file of a backup: gzip around lines of JSON.
//!
//! First the [`Header`](super::table::Header). Then for each of its tables, in that order, one line a row (an array of
//! canonical values) and one line that ends the table with its count and checksum. Last a line with the count of
//! all rows and the checksum over all lines before it. `docs/operations.md` shows an example.

mod line;
mod reader;
mod writer;

#[cfg(test)]
mod tests;

pub use reader::Archive;
pub use writer::write;

/// What the first line says.
pub(super) const FORMAT: &str = "oc-lettings-backup";

/// The version of the format: what is described above.
pub(super) const FORMAT_VERSION: u32 = 1;

/// The first bytes of every backup: gzip, deflate, no name, no time, written the usual way by an unknown system.
/// They are outside of every checksum, so they are compared as they are.
const GZIP: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];
