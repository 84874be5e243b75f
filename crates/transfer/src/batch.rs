//! Batches of rows, and the checksum of a table.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::column_type::ColumnType;
use super::table::Table;

/// Rows per batch: one statement each, a few megabytes at most.
const BATCH: usize = 2_000;

/// The same for rows with binary data, such as pictures of up to 8 MB, which take twice as much as hexadecimal text.
const BINARY_BATCH: usize = 8;

/// The number of rows per batch of a table.
pub(super) fn batch_size(table: &Table) -> usize {
    let mut types = table.columns.iter().map(|column| column.column_type);
    if types.any(|column_type| column_type == ColumnType::Bytes) {
        BINARY_BATCH
    } else {
        BATCH
    }
}

/// Rows of one table: JSON arrays of canonical values, each followed by a line feed.
#[derive(Debug, Default)]
pub struct Batch {
    /// Number of rows.
    pub rows: usize,
    /// The lines.
    pub lines: Vec<u8>,
}

impl Batch {
    /// Adds a row: canonical values in the order of its table's columns.
    pub(super) fn push(&mut self, values: &[Value]) -> serde_json::Result<()> {
        serde_json::to_writer(&mut self.lines, values)?;
        self.lines.push(b'\n');
        self.rows += 1;
        Ok(())
    }

    /// All rows as one JSON array. JSON escapes line feeds within text, so every line feed ends a row.
    pub(super) fn json(mut self) -> Result<String, std::string::FromUtf8Error> {
        self.lines.pop();
        for byte in &mut self.lines {
            if *byte == b'\n' {
                *byte = b',';
            }
        }
        self.lines.insert(0, b'[');
        self.lines.push(b']');
        String::from_utf8(self.lines)
    }
}

/// Row count and checksum of a table: equal digests mean equal rows, whatever the database.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Digest {
    /// Number of rows.
    pub rows: u64,
    /// SHA-256 over the lines of all rows, in key order.
    pub sha256: String,
}

/// Computes a [`Digest`] piece by piece.
#[derive(Clone, Default)]
pub(super) struct Digester {
    rows: u64,
    hasher: Sha256,
}

impl Digester {
    pub(super) fn add(&mut self, lines: &[u8], rows: usize) {
        self.rows += rows as u64;
        self.hasher.update(lines);
    }

    pub(super) fn finish(self) -> Digest {
        Digest {
            rows: self.rows,
            sha256: hex::encode(self.hasher.finalize()),
        }
    }
}
