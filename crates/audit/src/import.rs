//! Audit log entries that are imported from another system.

use chrono::NaiveDateTime;
use diesel::prelude::*;

use super::entry::{AuditEntry, MAX_TITLE};
use crate::schema::changes;
use oc_core::DbConnection;

/// A log entry of another system. See [`AuditEntry`] for the fields.
#[derive(Insertable)]
#[diesel(table_name = changes, treat_none_as_default_value = false)]
pub struct ImportedEntry {
    /// The id to keep.
    pub id: i64,
    /// Time of the change (UTC).
    pub changed_at: NaiveDateTime,
    /// The user, if the account still exists.
    pub user_id: Option<i64>,
    /// The username.
    pub username: String,
    /// Key of the resource.
    pub model: String,
    /// Id of the changed row.
    pub object_id: Option<i64>,
    /// Display name of the row.
    pub title: String,
    /// `added`, `changed`, `deleted`, …
    pub action: String,
    /// Description of the change.
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
