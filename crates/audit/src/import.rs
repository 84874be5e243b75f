//! Audit log entries that are imported from another system.

use chrono::NaiveDateTime;
use diesel::prelude::*;

use super::entry::{AuditEntry, MAX_TITLE};
use crate::schema::changes;
use oc_core::DbConnection;

/// A log entry of another system. See [`AuditEntry`] for the fields.
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
    pub description: String,
}

impl AuditEntry {
    /// Inserts entries with their ids, at most a thousand at a time.
    pub fn insert_imported(conn: &mut DbConnection, rows: Vec<ImportedEntry>) -> QueryResult<()> {
        let values = |row: ImportedEntry| {
            let title: String = row.title.chars().take(MAX_TITLE).collect();
            (
                changes::id.eq(row.id),
                changes::changed_at.eq(row.changed_at),
                changes::user_id.eq(row.user_id),
                changes::username.eq(row.username),
                changes::model.eq(row.model),
                changes::object_id.eq(row.object_id),
                changes::title.eq(title),
                changes::action.eq(row.action),
                changes::words.eq(row.description),
            )
        };
        let rows: Vec<_> = rows.into_iter().map(values).collect();
        let insert = diesel::insert_into(changes::table).values(&rows);
        match conn {
            DbConnection::Postgres(conn) => insert.execute(conn).map(drop),
            DbConnection::Sqlite(conn) => insert.execute(conn).map(drop),
        }
    }
}
