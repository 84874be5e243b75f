//! Row count and checksum of a table.

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

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
    pub(super) fn add_rows(&mut self, rows: &[String]) {
        self.rows += rows.len() as u64;
        for row in rows {
            self.add_line(row);
        }
    }

    /// Adds a line that is not a row.
    pub(super) fn add_line(&mut self, line: &str) {
        self.hasher.update(line);
    }

    pub(super) fn finish(self) -> Digest {
        Digest {
            rows: self.rows,
            sha256: hex::encode(self.hasher.finalize()),
        }
    }
}
