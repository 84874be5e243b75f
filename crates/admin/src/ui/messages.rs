//! Messages about the last request, shown on the next page.

use serde::{Deserialize, Serialize};

/// A message in the live region.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Message {
    level: String,
    text: String,
}

impl Message {
    pub(crate) fn new(level: &str, text: String) -> Self {
        Self {
            level: level.to_owned(),
            text,
        }
    }
}
