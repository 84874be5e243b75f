//! Backup file: lines of JSON, compressed with gzip.
//!
//! First the [`Header`](super::table::Header). Then for each of its tables, in that order, one line per row (an array of
//! canonical values) and a trailer with row count and checksum. Last a trailer with the number of all rows and the
//! checksum of all lines before it:
//!
//! ```text
//! {"format":"oc-lettings-backup","format_version":1,"program":"0.1.0","revision":"…","created_at":"2026-11-22T17:00:00Z",
//!  "database":"SQLite 3.51.3","migrations":["20261122160000",…],"tables":[{"name":"addresses","columns":[{"name":"city",
//!  "kind":"text"},{"name":"id","kind":"integer"},…],"key":["id"],"rows":2,"last_id":3},…]}      (one line)
//! ["Newport Beach",1,…]                                       a row, in the order of the columns; rows by key
//! {"end_of":"addresses","rows":2,"sha256":"…"}                checksum of the table's lines
//! …                                                           the other tables, in the order of the header
//! {"rows":16,"sha256":"…"}                                    checksum of all lines before
//! ```
//!
//! | kind | written as |
//! | --- | --- |
//! | `integer`, `text` | 64-bit number, text |
//! | `boolean` | `true`, `false` |
//! | `timestamp` | `"2026-03-01T09:00:00.500000"`, UTC |
//! | `bytes` | text, hexadecimal |
//!
//! Missing values are `null`. `last_id` is the largest id ever used, or 0 for tables without a sequence.

mod output;
mod reader;
mod writer;

#[cfg(test)]
mod tests;

pub use reader::Archive;
pub use writer::write;
