//! Rows on their way, and the checksum over them.

use std::ops::Range;

use serde_json::Value;
use sha2::{Digest as _, Sha256};

/// Rows a batch: enough that a statement's cost is shared, and a few megabytes at most.
pub const BATCH: usize = 2_000;

/// Some rows of one table: JSON arrays of canonical values, each ended by a line feed.
#[derive(Debug, Default)]
pub struct Batch {
    /// How many.
    pub rows: usize,
    /// The lines.
    pub lines: Vec<u8>,
}

impl Batch {
    /// Adds a row: canonical values in the order of its table's columns. Says where its line stands.
    pub fn push(&mut self, values: &[Value]) -> serde_json::Result<Range<usize>> {
        let start = self.lines.len();
        serde_json::to_writer(&mut self.lines, values)?;
        let line = start..self.lines.len();
        self.lines.push(b'\n');
        self.rows += 1;
        Ok(line)
    }

    /// All rows as one JSON array. A line feed stands in no row: JSON escapes it inside of text.
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

/// What a table's rows amount to: the same numbers mean the same rows, whatever the database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Digest {
    /// How many.
    pub rows: u64,
    /// SHA-256 over their lines, in the order of the key.
    pub sha256: String,
}

/// A [`Digest`] that is being made.
#[derive(Default)]
pub(super) struct Digester {
    rows: u64,
    hasher: Sha256,
}

impl Digester {
    pub(super) fn add(&mut self, batch: &Batch) {
        self.rows += batch.rows as u64;
        self.hasher.update(&batch.lines);
    }

    pub(super) fn finish(self) -> Digest {
        Digest {
            rows: self.rows,
            sha256: hex::encode(self.hasher.finalize()),
        }
    }
}
