//! Tables, columns and migrations, read from the database's own catalogue.

use std::collections::BTreeMap;

use anyhow::{Context, bail};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};
use oc_core::DbConnection;

use super::column_type::ColumnType;
use super::table::{Column, Table};

/// Bookkeeping of migrations, of the page cache and of the search; never transferred.
const IGNORED: [&str; 6] = [
    "__diesel_schema_migrations",
    "compatible_migrations",
    "content_version",
    "search_index",
    "search_queue",
    "town_totals",
];

/// Boolean columns whose name doesn't begin with `is_`, as table and column.
///
/// SQLite's strict tables have no boolean or timestamp type, so these are derived from column names: `is_…`, `…_at`
/// and these two lists. A test compares the result with PostgreSQL, which has the types.
const BOOLEANS: [(&str, &str); 4] = [
    ("lettings", "address_shown"),
    ("profiles", "show_email"),
    ("sessions", "must_renew"),
    ("users", "must_change_password"),
];

/// Timestamp columns whose name doesn't end in `_at`, as table and column.
const TIMESTAMPS: [(&str, &str); 2] = [("users", "date_joined"), ("users", "last_login")];

/// Excludes generated columns and tables that belong to extensions.
const POSTGRES_COLUMNS: &str = "\
    SELECT c.relname::text AS table_name, a.attname::text AS column_name, \
        format_type(a.atttypid, NULL) AS declared, \
        coalesce(array_position(i.indkey::int2[], a.attnum), -1)::bigint AS key_position \
    FROM pg_class c \
    JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 \
        AND NOT a.attisdropped AND a.attgenerated = '' \
    LEFT JOIN pg_index i ON i.indrelid = c.oid AND i.indisprimary \
    WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'p') \
        AND NOT c.relispartition AND NOT EXISTS (SELECT 1 FROM pg_depend d \
            WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')";

const SQLITE_COLUMNS: &str = "\
    SELECT t.name AS table_name, c.name AS column_name, c.type AS declared, c.pk - 1 AS key_position \
    FROM pragma_table_list t JOIN pragma_table_info(t.name) c \
    WHERE t.schema = 'main' AND t.type = 'table' AND t.name NOT LIKE 'sqlite\\_%' ESCAPE '\\'";

const POSTGRES_REFERENCES: &str = "\
    SELECT c.relname::text AS table_name, r.relname::text AS referenced \
    FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid JOIN pg_class r ON r.oid = k.confrelid \
    WHERE k.contype = 'f' AND k.connamespace = current_schema()::regnamespace";

const SQLITE_REFERENCES: &str = "\
    SELECT t.name AS table_name, f.\"table\" AS referenced \
    FROM pragma_table_list t JOIN pragma_foreign_key_list(t.name) f \
    WHERE t.schema = 'main' AND t.type = 'table'";

/// The tables of the database, each after the tables that it references. Row counts and last ids are 0.
///
/// With `only`, other tables are ignored: a database may contain more than the site.
pub fn tables(conn: &mut DbConnection, only: Option<&[Table]>) -> anyhow::Result<Vec<Table>> {
    let (columns, references) = match conn {
        DbConnection::Postgres(_) => (POSTGRES_COLUMNS, POSTGRES_REFERENCES),
        DbConnection::Sqlite(_) => (SQLITE_COLUMNS, SQLITE_REFERENCES),
    };
    let by_key = format!("SELECT * FROM ({columns}) AS listed ORDER BY key_position");
    let columns = diesel::dsl::sql::<(Text, Text, Text, BigInt)>(&by_key)
        .load::<(String, String, String, i64)>(conn)
        .context("could not list the tables")?;
    let is_included = |name: &str| {
        let is_known = |only: &[Table]| only.iter().any(|table| table.name == name);
        !IGNORED.contains(&name) && only.is_none_or(is_known)
    };
    let mut tables: BTreeMap<String, Table> = BTreeMap::new();
    for (table, name, declared, key_position) in columns {
        if !is_included(&table) {
            continue;
        }
        let column_type = column_type(&table, &name, &declared)?;
        let table = tables.entry(table).or_default();
        if key_position >= 0 {
            table.key.push(name.clone());
        }
        table.columns.push(Column { name, column_type });
    }
    for (name, table) in &mut tables {
        if table.key.is_empty() {
            bail!("the table {name} has no primary key");
        }
        table.name.clone_from(name);
        table.columns.sort_by(|a, b| a.name.cmp(&b.name));
    }
    let references = diesel::dsl::sql::<(Text, Text)>(references)
        .load(conn)
        .context("could not list the foreign keys")?;
    sort_by_references(tables.into_values().collect(), &references)
}

/// The tables for bookkeeping that are missing.
pub(super) fn missing_bookkeeping(conn: &mut DbConnection) -> QueryResult<Vec<&'static str>> {
    let columns = match conn {
        DbConnection::Postgres(_) => POSTGRES_COLUMNS,
        DbConnection::Sqlite(_) => SQLITE_COLUMNS,
    };
    let query = format!("SELECT DISTINCT table_name FROM ({columns}) AS listed");
    let found: Vec<String> = diesel::dsl::sql::<Text>(&query).load(conn)?;
    let is_missing = |table: &&str| !found.iter().any(|name| name == table);
    Ok(IGNORED.into_iter().filter(is_missing).collect())
}

/// The tables whose changes increment the content version.
pub(super) fn versioned_tables(conn: &mut DbConnection) -> QueryResult<Vec<String>> {
    let query = match conn {
        DbConnection::Postgres(_) => {
            "SELECT DISTINCT tgrelid::regclass::text FROM pg_trigger WHERE tgname LIKE 'content\\_version\\_%' \
             AND tgenabled <> 'D'"
        }
        // One each for insert, update and delete.
        DbConnection::Sqlite(_) => {
            "SELECT tbl_name FROM sqlite_schema WHERE type = 'trigger' AND name LIKE 'content\\_version\\_%' \
             ESCAPE '\\' GROUP BY tbl_name HAVING count(*) = 3"
        }
    };
    diesel::dsl::sql::<Text>(query).load(conn)
}

/// The migrations that have run on the database, in order.
pub(super) fn migrations(conn: &mut DbConnection) -> QueryResult<Vec<String>> {
    diesel::dsl::sql::<Text>("SELECT version FROM __diesel_schema_migrations ORDER BY version")
        .load(conn)
}

fn column_type(table: &str, column: &str, declared: &str) -> anyhow::Result<ColumnType> {
    let is_boolean = column.starts_with("is_") || BOOLEANS.contains(&(table, column));
    let is_timestamp = column.ends_with("_at") || TIMESTAMPS.contains(&(table, column));
    Ok(match declared {
        // SQLite's types are in upper case, PostgreSQL's in lower case.
        "INTEGER" if is_boolean => ColumnType::Boolean,
        "TEXT" if is_timestamp => ColumnType::Timestamp,
        "INT" | "INTEGER" | "smallint" | "integer" | "bigint" => ColumnType::Integer,
        "TEXT" | "text" | "character varying" => ColumnType::Text,
        "BLOB" | "bytea" => ColumnType::Bytes,
        "boolean" => ColumnType::Boolean,
        "timestamp without time zone" => ColumnType::Timestamp,
        _ => bail!(
            "the column {column} of the table {table} has the type {declared}, which is not supported"
        ),
    })
}

/// Sorts tables so that each comes after the tables that it references, otherwise by name. `references` are pairs of
/// a table and one that it references.
fn sort_by_references(
    mut tables: Vec<Table>,
    references: &[(String, String)],
) -> anyhow::Result<Vec<Table>> {
    let mut ordered: Vec<Table> = Vec::new();
    while !tables.is_empty() {
        let is_blocked = |table: &Table| {
            references.iter().any(|(from, to)| {
                *from == table.name && to != from && tables.iter().any(|other| other.name == *to)
            })
        };
        let Some(next) = tables.iter().position(|table| !is_blocked(table)) else {
            let names: Vec<&str> = tables.iter().map(|table| table.name.as_str()).collect();
            bail!("the tables {} reference each other", names.join(", "));
        };
        ordered.push(tables.remove(next));
    }
    Ok(ordered)
}

#[cfg(test)]
mod tests {
    use oc_core::testing::TestDb;

    use super::*;

    #[test]
    fn both_databases_have_the_same_tables_and_column_types() -> anyhow::Result<()> {
        let (Some(postgres), sqlite) = (TestDb::postgres()?, TestDb::sqlite()?) else {
            return Ok(());
        };

        let from_postgres = tables(&mut postgres.connect()?, None)?;
        let from_sqlite = tables(&mut sqlite.connect()?, None)?;

        assert_eq!(
            from_sqlite, from_postgres,
            "left SQLite, right PostgreSQL: add booleans and timestamps to the lists above"
        );
        // SQLite has several notations for the same time, which sort differently.
        for table in from_sqlite {
            let mut keys = table.columns.iter().filter(|c| table.key.contains(&c.name));
            assert!(
                !keys.any(|c| c.column_type == ColumnType::Timestamp),
                "the key of {}",
                table.name
            );
        }
        Ok(())
    }

    #[test]
    fn a_table_comes_after_the_tables_it_references() -> anyhow::Result<()> {
        for db in TestDb::each()? {
            let names: Vec<String> = tables(&mut db.connect()?, None)?
                .into_iter()
                .map(|table| table.name)
                .collect();

            let position = |name: &str| names.iter().position(|other| other == name);
            assert!(position("addresses") < position("lettings"), "{names:?}");
            assert!(position("users") < position("profiles"), "{names:?}");
            assert!(!names.contains(&"__diesel_schema_migrations".to_owned()));
        }
        Ok(())
    }
}
