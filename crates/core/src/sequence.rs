//! Id sequences.

use diesel::prelude::*;
use diesel::sql_types::Text;

use crate::connection::DbConnection;

/// Sets an id sequence to the largest id in the table, after inserting rows with explicit ids.
///
/// SQLite's `AUTOINCREMENT` does so by itself. The sequence is never set back, so that no id is reused.
pub fn advance(conn: &mut DbConnection, table: &'static str) -> QueryResult<()> {
    if matches!(conn, DbConnection::Sqlite(_)) {
        return Ok(());
    }
    let query = format!(
        "SELECT setval(s.name, greatest(m.id, nextval(s.name))) \
         FROM (SELECT pg_get_serial_sequence($1, 'id')::regclass AS name) s, \
              (SELECT coalesce(max(id), 1) AS id FROM {table}) m"
    );
    diesel::sql_query(query)
        .bind::<Text, _>(table)
        .execute(conn)?;
    Ok(())
}
