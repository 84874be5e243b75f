//! The lines of a backup that close a table and the file.

use serde::{Deserialize, Serialize};

use crate::batch::Digest;

/// The fields of the header that every version of the format has.
#[derive(Deserialize)]
pub(super) struct Format {
    pub(super) format: String,
    pub(super) format_version: u32,
}

/// The line after the rows of a table.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct TableTrailer {
    end_of: String,
    rows: u64,
    sha256: String,
}

/// The last line of a backup.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct BackupTrailer {
    rows: u64,
    sha256: String,
}

impl TableTrailer {
    pub(super) fn new(table: &str, digest: &Digest) -> Self {
        Self {
            end_of: table.to_owned(),
            rows: digest.rows,
            sha256: digest.sha256.clone(),
        }
    }
}

impl BackupTrailer {
    pub(super) fn new(rows: u64, sha256: String) -> Self {
        Self { rows, sha256 }
    }
}
