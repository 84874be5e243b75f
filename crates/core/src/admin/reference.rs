//! Foreign keys between resources.

use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::BigInt;

use crate::connection::DbConnection;

/// A foreign key by which rows of a resource refer to rows of another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reference {
    /// Key of the resource referred to, such as `auth.user`.
    pub target: &'static str,
    /// Table with the foreign key: the resource's own, or the join table of a many-to-many relation.
    pub table: &'static str,
    /// Column with the referring row's id: `id`, or a column of the join table.
    pub source_column: &'static str,
    /// Column of the foreign key.
    pub column: &'static str,
    /// What happens to the referring row when the other one is deleted.
    pub on_delete: OnDelete,
}

/// What happens to a row when the row that it refers to is deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnDelete {
    /// It is deleted as well.
    Cascade,
    /// It loses the reference (`SET NULL`, or deletion from the join table).
    Unlink,
}

impl Reference {
    /// A foreign key of the resource's own table.
    pub const fn new(
        target: &'static str,
        table: &'static str,
        column: &'static str,
        on_delete: OnDelete,
    ) -> Self {
        Self {
            target,
            table,
            source_column: "id",
            column,
            on_delete,
        }
    }

    /// A many-to-many relation through a join table.
    pub const fn many_to_many(
        target: &'static str,
        join_table: &'static str,
        source_column: &'static str,
        column: &'static str,
    ) -> Self {
        Self {
            target,
            table: join_table,
            source_column,
            column,
            on_delete: OnDelete::Unlink,
        }
    }

    /// The rows that refer to these ids, as pairs of (id referred to, id of the referring row), in order.
    pub fn referring(&self, conn: &mut DbConnection, ids: &[i64]) -> QueryResult<Vec<(i64, i64)>> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let Self {
            table,
            source_column,
            column,
            ..
        } = self;
        let ids: Vec<String> = ids.iter().map(ToString::to_string).collect();
        let query = format!(
            "SELECT {column}, {source_column} FROM {table} WHERE {column} IN ({}) ORDER BY 1, 2",
            ids.join(",")
        );
        sql::<(BigInt, BigInt)>(&query).load(conn)
    }
}
