//! What is told about rows before they come: where they are from, their tables and their columns.

use anyhow::{Context, bail};
use serde::{Deserialize, Serialize};

use super::kind::Kind;

/// What a transfer's rows are, and where they come from; the first line of a backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    /// Says that a file is a backup of this site.
    pub format: String,
    /// Goes up when an older program could not read the file any more.
    pub format_version: u32,
    /// The version of the program that wrote it.
    pub program: String,
    /// The commit that program was built from.
    pub revision: String,
    /// When it was written (UTC).
    pub created_at: String,
    /// The database that it was read from, with its version.
    pub database: String,
    /// The migrations that were run on that database, in order.
    pub migrations: Vec<String>,
    /// The tables, in the order of their rows: a table comes after those that it refers to.
    pub tables: Vec<Table>,
}

impl Header {
    /// The rows of all tables.
    pub fn rows(&self) -> u64 {
        self.tables.iter().map(|table| table.rows).sum()
    }
}

/// A table with its columns, as its rows are moved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Table {
    /// Its name.
    pub name: String,
    /// The columns, in the order of the values in a row: by name, whatever the order migrations added them in.
    pub columns: Vec<Column>,
    /// The primary key: the order of the rows.
    pub key: Vec<String>,
    /// How many rows there are.
    pub rows: u64,
    /// The largest id that was ever given out, to a row that may be gone by now; 0 where ids are not counted.
    pub last_id: i64,
}

/// A column.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// What it holds.
    pub kind: Kind,
}

impl Table {
    /// Its name, for SQL.
    pub(super) fn quoted(&self) -> String {
        quoted(&self.name)
    }

    /// The places of the key's columns in a row.
    pub(super) fn key_places(&self) -> anyhow::Result<Vec<usize>> {
        self.key
            .iter()
            .map(|key| {
                self.columns
                    .iter()
                    .position(|column| column.name == *key)
                    .with_context(|| {
                        format!("the table {} lacks its key's column {key}", self.name)
                    })
            })
            .collect()
    }

    /// The column whose values a counter hands out, if the key is a single number.
    pub(super) fn counted(&self) -> Option<&Column> {
        let [key] = self.key.as_slice() else {
            return None;
        };
        self.columns
            .iter()
            .find(|column| column.name == *key && column.kind == Kind::Integer)
    }

    /// Refuses rows of `self` for the table `target`, unless it has every column and the same key.
    pub(super) fn check_fits(&self, target: &Self) -> anyhow::Result<()> {
        if self.key != target.key {
            bail!(
                "the key of the table {} is not what it is in this version",
                self.name
            );
        }
        for column in &self.columns {
            if !target.columns.contains(column) {
                bail!(
                    "this version's table {} has no column {} for what is {:?} there",
                    self.name,
                    column.name,
                    column.kind
                );
            }
        }
        Ok(())
    }
}

/// A name from the catalogue, for SQL.
pub(super) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
