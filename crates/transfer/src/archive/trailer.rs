//! The line of a backup that closes a table.

use serde::{Deserialize, Serialize};

use crate::batch::Digest;

/// The line after the rows of a table.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct TableTrailer {
    pub(super) end_of: String,
    #[serde(flatten)]
    pub(super) digest: Digest,
}
