//! Header of a transfer: its origin, tables and columns.

use anyhow::{Context, bail};
use serde::{Deserialize, Serialize};

use super::column_type::ColumnType;

/// Identifies a backup, in its first line.
pub(crate) const FORMAT: &str = "oc-lettings-backup";

/// The version of the format that `archive` describes.
pub(crate) const FORMAT_VERSION: u32 = 1;

/// Describes the rows of a transfer; the first line of a backup.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    /// Identifies a file as a backup of this site.
    pub format: String,
    /// Incremented when older programs can no longer read the format.
    pub format_version: u32,
    /// The version of the program that wrote it.
    pub program: String,
    /// The commit that the program was built from.
    pub revision: String,
    /// When it was written (UTC).
    pub created_at: String,
    /// The database server or library, with its version.
    pub database: String,
    /// The migrations that had run on the database, in order.
    pub migrations: Vec<String>,
    /// The tables, in the order of their rows: each after the tables that it references.
    pub tables: Vec<Table>,
}

impl Header {
    /// Number of rows of all tables.
    pub fn rows(&self) -> u64 {
        self.tables.iter().map(|table| table.rows).sum()
    }
}

/// A table and its columns.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Table {
    /// Its name.
    pub name: String,
    /// The columns sorted by name, which is the order of the values in a row.
    pub columns: Vec<Column>,
    /// The primary key, which is the sort order of the rows.
    pub key: Vec<String>,
    /// Number of rows.
    pub rows: u64,
    /// The largest id ever assigned, also to rows deleted since; 0 without a sequence.
    pub last_id: i64,
}

/// A column.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// Its type.
    #[serde(rename = "kind")]
    pub column_type: ColumnType,
}

impl Table {
    /// Its name, quoted for SQL.
    pub(super) fn quoted(&self) -> String {
        quoted(&self.name)
    }

    /// The positions of the key columns in a row.
    pub(super) fn key_positions(&self) -> anyhow::Result<Vec<usize>> {
        self.key
            .iter()
            .map(|key| {
                self.columns
                    .iter()
                    .position(|column| column.name == *key)
                    .with_context(|| {
                        format!(
                            "the table {} has no column {key}, which is part of its key",
                            self.name
                        )
                    })
            })
            .collect()
    }

    /// The column with a sequence: the primary key, if that is one integer.
    pub(super) fn sequence_column(&self) -> Option<&Column> {
        let [key] = self.key.as_slice() else {
            return None;
        };
        self.columns
            .iter()
            .find(|column| column.name == *key && column.column_type == ColumnType::Integer)
    }

    /// Checks that `target` has the same key and every column of `self`.
    pub(super) fn check_fits(&self, target: &Self) -> anyhow::Result<()> {
        if self.key != target.key {
            bail!(
                "the table {} has another primary key in this version",
                self.name
            );
        }
        for column in &self.columns {
            if !target.columns.contains(column) {
                bail!(
                    "the table {} has no column {} of type {:?} in this version",
                    self.name,
                    column.name,
                    column.column_type
                );
            }
        }
        Ok(())
    }
}

/// A name from the catalogue, quoted for SQL.
pub fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
