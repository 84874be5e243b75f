//! Damage to a database, missing privileges and read-only servers, for operators.

use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::{Bool, Text};

use crate::connection::DbConnection;

/// The first damage found in a SQLite file.
pub fn damage(conn: &mut DbConnection) -> QueryResult<Option<String>> {
    let found: String = sql::<Text>("PRAGMA quick_check(1)").get_result(conn)?;
    if found != "ok" {
        return Ok(Some(format!("database disk image is malformed: {found}")));
    }
    let dangling: Vec<String> =
        sql::<Text>("SELECT DISTINCT \"table\" FROM pragma_foreign_key_check").load(conn)?;
    Ok((!dangling.is_empty()).then(|| {
        let tables = dangling.join(", ");
        format!("rows refer to rows that don't exist, in the tables {tables}")
    }))
}

/// Whether a PostgreSQL server rejects every write: it is a standby, or `default_transaction_read_only` is on.
pub fn is_read_only(conn: &mut DbConnection) -> QueryResult<bool> {
    if matches!(conn, DbConnection::Sqlite(_)) {
        return Ok(false);
    }
    sql::<Bool>("SELECT current_setting('transaction_read_only')::bool").get_result(conn)
}

/// Privileges that pages need and the role does not have, such as `INSERT on lettings`; none on SQLite.
pub fn missing_privileges(conn: &mut DbConnection) -> QueryResult<Vec<String>> {
    if matches!(conn, DbConnection::Sqlite(_)) {
        return Ok(Vec::new());
    }
    sql::<Text>(
        "SELECT privilege || ' on ' || tablename FROM pg_tables, \
         unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE']) AS privilege \
         WHERE schemaname = current_schema() AND tablename NOT LIKE '\\_\\_%' \
         AND NOT has_table_privilege(quote_ident(schemaname) || '.' || quote_ident(tablename), privilege) \
         ORDER BY tablename, privilege",
    )
    .load(conn)
}
