//! The lines of a backup that are neither its header nor a row.

use serde::{Deserialize, Serialize};

use crate::batch::Digest;

/// What identifies a file, in any version of the format.
#[derive(Deserialize)]
pub(super) struct Format {
    pub(super) format: String,
    pub(super) format_version: u32,
}

/// The end of a table.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct TableEnd {
    end_of: String,
    rows: u64,
    sha256: String,
}

/// The end of the backup.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct End {
    rows: u64,
    sha256: String,
}

impl TableEnd {
    pub(super) fn new(table: &str, digest: &Digest) -> Self {
        Self {
            end_of: table.to_owned(),
            rows: digest.rows,
            sha256: digest.sha256.clone(),
        }
    }
}

impl End {
    pub(super) fn new(rows: u64, sha256: String) -> Self {
        Self { rows, sha256 }
    }
}
