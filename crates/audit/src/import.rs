//! Audit log entries that are imported from another system.

use chrono::NaiveDateTime;
use diesel::prelude::*;

use super::entry::{AuditEntry, MAX_TITLE};
use crate::schema::changes;
use oc_core::DbConnection;

/// A log entry of another system. See [`AuditEntry`] for the fields.
#[derive(Insertable)]
#[diesel(table_name = changes, treat_none_as_default_value = false)]
#[expect(missing_docs, reason = "the fields of an entry")]
pub struct ImportedEntry {
    pub id: i64,
    pub changed_at: NaiveDateTime,
    pub user_id: Option<i64>,
    pub username: String,
    pub model: String,
    pub object_id: Option<i64>,
    pub title: String,
    pub action: String,
    #[diesel(column_name = words)]
    pub description: String,
}

impl AuditEntry {
    /// Inserts entries with their ids, at most a thousand at a time.
    pub fn insert_imported(
        conn: &mut DbConnection,
        mut rows: Vec<ImportedEntry>,
    ) -> QueryResult<()> {
        for row in &mut rows {
            row.title = row.title.chars().take(MAX_TITLE).collect();
        }
        conn.insert_rows(diesel::insert_into(changes::table).values(&rows))
    }
}
