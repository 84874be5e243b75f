//! What is found out about a file on the way.

use std::collections::BTreeMap;

use serde::Serialize;

use super::target::Target;

/// A row that cannot be moved over, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// Its table in the file.
    pub table: String,
    /// Its id, or what stands in its place.
    pub id: String,
    /// The column.
    pub column: String,
    /// What is wrong with it.
    pub reason: String,
}

/// How many rows a table of the file has, and what became of them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Tally {
    /// The table in the file.
    pub(super) table: String,
    /// Rows read.
    pub(super) read: u64,
    /// Rows of these that were handed on.
    pub(super) good: u64,
}

/// Everything that the first reading found out.
#[derive(Debug, Default)]
pub(super) struct Findings {
    /// Rows that break a rule.
    pub(super) problems: Vec<Problem>,
    /// What somebody should know, in sentences.
    pub(super) warnings: Vec<String>,
    /// What was read, by the table that it goes to.
    pub(super) tallies: BTreeMap<Target, Tally>,
}

impl Findings {
    pub(super) fn warn(&mut self, warning: impl Into<String>) {
        self.warnings.push(warning.into());
    }
}

/// «1 row», «2 rows».
pub(super) fn counted(count: u64, one: &str, many: &str) -> String {
    if count == 1 {
        format!("1 {one}")
    } else {
        format!("{count} {many}")
    }
}
