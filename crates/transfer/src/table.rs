//! Header of a transfer: its origin, tables and columns.

use serde::{Deserialize, Serialize};

use super::column_type::ColumnType;

/// Identifies a backup, in its first line.
pub(crate) const FORMAT: &str = "oc-lettings-backup";

/// The version of the format that `archive` describes.
pub(crate) const FORMAT_VERSION: u32 = 1;

/// Rows per batch: one statement each, a few megabytes at most.
const BATCH: usize = 2_000;

/// The same for rows with binary data, such as pictures of up to 8 MB, which take twice as much as hexadecimal text.
const BINARY_BATCH: usize = 4;

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
    pub(super) fn table(&self, name: &str) -> Option<&Table> {
        self.tables.iter().find(|table| table.name == name)
    }

    /// Number of rows of all tables.
    pub fn rows(&self) -> u64 {
        self.tables.iter().map(|table| table.rows).sum()
    }
}

/// A table and its columns.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
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

    /// The number of rows that are read or written at a time.
    pub(super) fn batch_size(&self) -> usize {
        let mut types = self.columns.iter().map(|column| column.column_type);
        if types.any(|column_type| column_type == ColumnType::Bytes) {
            BINARY_BATCH
        } else {
            BATCH
        }
    }

    /// The columns of the key, with their positions in a row.
    pub(super) fn key_columns(&self) -> Vec<(usize, &Column)> {
        let columns = || self.columns.iter().enumerate();
        let find = |key: &String| columns().find(|(_, column)| column.name == *key);
        self.key.iter().filter_map(find).collect()
    }

    /// The column with a sequence: the primary key, if that is one integer.
    pub(super) fn sequence_column(&self) -> Option<&Column> {
        match self.key_columns()[..] {
            [(_, column)] if column.column_type == ColumnType::Integer => Some(column),
            _ => None,
        }
    }

    /// What the tables of a database lack to hold the rows of this one.
    pub(super) fn lacking_in(&self, tables: &[Self]) -> Option<String> {
        let name = &self.name;
        let Some(found) = tables.iter().find(|table| table.name == *name) else {
            return Some(format!("the table {name} is missing"));
        };
        if self.key != found.key || self.key_columns().len() != self.key.len() {
            return Some(format!("the table {name} has another primary key"));
        }
        let mut columns = self.columns.iter();
        let column = columns.find(|column| !found.columns.contains(column))?;
        Some(format!(
            "the table {name} has no column {} of the right type",
            column.name
        ))
    }
}

/// A name from the catalogue, quoted for SQL.
pub fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
