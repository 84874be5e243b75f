//! Reads and inserts rows as canonical JSON.

use anyhow::Context;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};
use oc_core::DbConnection;
use serde_json::Value;

use super::column_type::ColumnType;
use super::digest::{Digest, Digester};
use super::table::{Table, quoted};

#[derive(QueryableByName)]
struct JsonRow {
    #[diesel(sql_type = Text)]
    json: String,
}

/// Number of rows in a table.
pub fn count(conn: &mut DbConnection, table: &Table) -> QueryResult<u64> {
    let query = format!("SELECT count(*) FROM {}", table.quoted());
    let rows: i64 = diesel::dsl::sql::<BigInt>(&query).get_result(conn)?;
    Ok(rows.unsigned_abs())
}

/// Reads a table in batches, in key order, and returns its digest. A row is a line: a JSON array of canonical values and
/// a line feed.
///
/// Each query continues after the last key (keyset pagination), so that only one batch is in memory.
pub fn read(
    conn: &mut DbConnection,
    table: &Table,
    sink: &mut dyn FnMut(&[String]) -> anyhow::Result<()>,
) -> anyhow::Result<Digest> {
    let mut digester = Digester::default();
    let mut last: Option<String> = None;
    loop {
        let query = diesel::sql_query(select(conn, table, last.is_some()));
        let found: Vec<JsonRow> = match &last {
            Some(key) => query.bind::<Text, _>(key).load(conn),
            None => query.load(conn),
        }
        .with_context(|| format!("could not read the table {}", table.name))?;
        let mut values = Vec::new();
        let mut rows = Vec::new();
        for row in found {
            values = canonical(table, &row.json)?;
            rows.push(serde_json::to_string(&values)? + "\n");
        }
        digester.add_rows(&rows);
        sink(&rows)?;
        if rows.len() < table.batch_size() {
            return Ok(digester.finish());
        }
        let key = table.key_columns().into_iter().map(|(i, _)| &values[i]);
        last = Some(serde_json::to_string(&key.collect::<Vec<_>>())?);
    }
}

/// Inserts rows. Columns that `table` does not list get their defaults.
pub fn insert(conn: &mut DbConnection, table: &Table, rows: &[String]) -> anyhow::Result<()> {
    diesel::sql_query(insert_query(conn, table))
        .bind::<Text, _>(format!("[{}]", rows.join(",")))
        .execute(conn)
        .with_context(|| format!("could not write the table {}", table.name))?;
    Ok(())
}

/// Deletes every row of the tables, which are sorted by references.
///
/// Triggers stay enabled, here and in [`insert`], since they maintain derived data.
pub(super) fn delete_all(conn: &mut DbConnection, tables: &[Table]) -> anyhow::Result<()> {
    for table in tables.iter().rev() {
        diesel::sql_query(format!("DELETE FROM {}", table.quoted()))
            .execute(conn)
            .with_context(|| format!("could not delete the rows of the table {}", table.name))?;
    }
    Ok(())
}

/// The values of a row in canonical form.
fn canonical(table: &Table, json: &str) -> anyhow::Result<Vec<Value>> {
    let values: Vec<Value> = serde_json::from_str(json)
        .with_context(|| format!("the table {} returned invalid JSON", table.name))?;
    table
        .columns
        .iter()
        .zip(values)
        .map(|(column, value)| {
            let shown = value.to_string();
            column.column_type.canonical(value).with_context(|| {
                format!(
                    "the column {} of the table {} contains {shown}, which is not of type {:?}",
                    column.name, table.name, column.column_type
                )
            })
        })
        .collect()
}

fn select(conn: &DbConnection, table: &Table, continues: bool) -> String {
    let values: Vec<String> = table
        .columns
        .iter()
        .map(|c| c.column_type.select_sql(conn, &quoted(&c.name)))
        .collect();
    let values = values.join(", ");
    let json = match conn {
        DbConnection::Postgres(_) => format!("json_build_array({values})::text"),
        DbConnection::Sqlite(_) => format!("json_array({values})"),
    };
    let mut keys = Vec::new();
    let mut bounds = Vec::new();
    for (index, (_, column)) in table.key_columns().into_iter().enumerate() {
        let name = quoted(&column.name);
        keys.push(match (conn, column.column_type) {
            // Compares bytes, as SQLite does, whatever the collation of the column.
            (DbConnection::Postgres(_), ColumnType::Text) => format!("{name} COLLATE \"C\""),
            _ => name,
        });
        let parameter = match conn {
            DbConnection::Postgres(_) => "$1::jsonb",
            DbConnection::Sqlite(_) => "$1",
        };
        bounds.push(column.column_type.insert_sql(conn, parameter, index));
    }
    let (keys, bounds) = (keys.join(", "), bounds.join(", "));
    let condition = if continues {
        format!("WHERE ({keys}) > ({bounds})")
    } else {
        String::new()
    };
    format!(
        "SELECT {json} AS json FROM {} {condition} ORDER BY {keys} LIMIT {}",
        table.quoted(),
        table.batch_size()
    )
}

fn insert_query(conn: &DbConnection, table: &Table) -> String {
    let (rows, overriding) = match conn {
        DbConnection::Postgres(_) => (
            "jsonb_array_elements($1::jsonb) AS rows (value)",
            "OVERRIDING SYSTEM VALUE",
        ),
        DbConnection::Sqlite(_) => ("json_each($1)", ""),
    };
    let names: Vec<String> = table.columns.iter().map(|c| quoted(&c.name)).collect();
    let values: Vec<String> = table
        .columns
        .iter()
        .enumerate()
        .map(|(index, column)| column.column_type.insert_sql(conn, "value", index))
        .collect();
    format!(
        "INSERT INTO {} ({}) {overriding} SELECT {} FROM {rows}",
        table.quoted(),
        names.join(", "),
        values.join(", ")
    )
}

#[cfg(test)]
mod tests {
    use diesel::connection::SimpleConnection;
    use oc_core::testing::TestDb;

    use super::*;
    use crate::catalog;

    const WORDS: [&str; 2] = [
        "CREATE TABLE words (word TEXT NOT NULL, n BIGINT NOT NULL, raw BYTEA, \
         \"odd \"\"name\" TEXT, doubled BIGINT GENERATED ALWAYS AS (n * 2) STORED, PRIMARY KEY (word, n))",
        "CREATE TABLE words (word TEXT NOT NULL, n INTEGER NOT NULL, raw BLOB, \
         \"odd \"\"name\" TEXT, doubled INTEGER GENERATED ALWAYS AS (n * 2) STORED, PRIMARY KEY (word, n)) STRICT",
    ];

    /// More rows than two batches, with binary data and under a key of two columns whose order depends on the collation.
    fn words(db: &TestDb) -> anyhow::Result<(DbConnection, Table)> {
        let mut conn = db.connect()?;
        let (create, bytes) = match conn {
            DbConnection::Postgres(_) => (WORDS[0], "'\\x00ff'::bytea"),
            DbConnection::Sqlite(_) => (WORDS[1], "x'00ff'"),
        };
        let numbers = "WITH RECURSIVE s (value) AS \
            (SELECT 1 UNION ALL SELECT value + 1 FROM s WHERE value < 500)";
        conn.batch_execute(&format!(
            "{create}; \
             {numbers} INSERT INTO words (word, n, raw) SELECT 'a B', value, {bytes} FROM s; \
             {numbers} INSERT INTO words (word, n, \"odd \"\"name\") SELECT 'A_b', value, '' FROM s; \
             INSERT INTO words (word, n) VALUES ('É', -1), ('', 0), ('z', 9);"
        ))?;
        let mut tables = catalog::tables(&mut conn, None)?.into_iter();
        let table = tables.find(|table| table.name == "words");
        Ok((conn, table.context("the table words is missing")?))
    }

    #[test]
    fn every_type_and_a_composite_key_have_the_same_digest_everywhere() -> anyhow::Result<()> {
        let mut digests = Vec::new();
        for from in TestDb::each()? {
            let (mut from, table) = words(&from)?;
            for to in TestDb::each()? {
                let (mut to, _) = words(&to)?;
                delete_all(&mut to, std::slice::from_ref(&table))?;

                let written = read(&mut from, &table, &mut |rows| insert(&mut to, &table, rows))?;
                let found = read(&mut to, &table, &mut |_| Ok(()))?;

                assert_eq!(written.rows, 1_003);
                digests.extend([written, found]);
            }
        }
        assert!(
            digests.windows(2).all(|pair| pair[0] == pair[1]),
            "{digests:?}"
        );
        Ok(())
    }

    #[test]
    fn generated_columns_are_left_out() -> anyhow::Result<()> {
        for db in TestDb::each()? {
            let (_, table) = words(&db)?;

            let names: Vec<&str> = table.columns.iter().map(|c| c.name.as_str()).collect();

            assert_eq!(names, ["n", "odd \"name", "raw", "word"]);
            assert_eq!(table.key, ["word", "n"]);
        }
        Ok(())
    }
}
