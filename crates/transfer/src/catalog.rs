//! The tables and columns of a database, as its own catalogue lists them.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, bail};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};
use oc_core::DbConnection;

use super::kind::{Dialect, Kind};
use super::table::{Column, Table};

/// What belongs to a database and not to the site's data; never read, emptied or filled.
const LEFT_OUT: [&str; 2] = ["__diesel_schema_migrations", "compatible_migrations"];

/// The booleans that are not named `is_…`, as table and column.
///
/// SQLite's strict tables have neither booleans nor times: it keeps 0 and 1, and text. Reading the intention out
/// of a `CHECK` would be guessing, so it is read from the name: `is_…` and `…_at`, and what stands in these two
/// lists. PostgreSQL knows the types, and a test holds the one against the other.
const BOOLEANS: [(&str, &str); 3] = [
    ("profiles", "show_email"),
    ("sessions", "must_renew"),
    ("users", "must_change_password"),
];

/// The times that are not named `…_at`, as table and column.
const TIMESTAMPS: [(&str, &str); 2] = [("users", "date_joined"), ("users", "last_login")];

/// Columns that are computed are not listed; tables of extensions are not the site's.
const POSTGRES_COLUMNS: &str = "\
    SELECT c.relname::text AS table_name, a.attname::text AS column_name, \
        format_type(a.atttypid, NULL) AS declared, \
        coalesce(array_position(i.indkey::int2[], a.attnum), -1)::bigint AS key_place \
    FROM pg_class c \
    JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 \
        AND NOT a.attisdropped AND a.attgenerated = '' \
    LEFT JOIN pg_index i ON i.indrelid = c.oid AND i.indisprimary \
    WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'p') \
        AND NOT c.relispartition AND NOT EXISTS (SELECT 1 FROM pg_depend d \
            WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')";

const SQLITE_COLUMNS: &str = "\
    SELECT t.name AS table_name, c.name AS column_name, c.type AS declared, c.pk - 1 AS key_place \
    FROM pragma_table_list t JOIN pragma_table_info(t.name) c \
    WHERE t.schema = 'main' AND t.type = 'table' AND t.name NOT LIKE 'sqlite\\_%' ESCAPE '\\'";

const POSTGRES_REFERENCES: &str = "\
    SELECT c.relname::text AS table_name, r.relname::text AS referred \
    FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid JOIN pg_class r ON r.oid = k.confrelid \
    WHERE k.contype = 'f' AND k.connamespace = current_schema()::regnamespace";

const SQLITE_REFERENCES: &str = "\
    SELECT t.name AS table_name, f.\"table\" AS referred \
    FROM pragma_table_list t JOIN pragma_foreign_key_list(t.name) f \
    WHERE t.schema = 'main' AND t.type = 'table'";

#[derive(QueryableByName)]
struct ListedColumn {
    #[diesel(sql_type = Text)]
    table_name: String,
    #[diesel(sql_type = Text)]
    column_name: String,
    #[diesel(sql_type = Text)]
    declared: String,
    #[diesel(sql_type = BigInt)]
    key_place: i64,
}

#[derive(QueryableByName)]
struct Reference {
    #[diesel(sql_type = Text)]
    table_name: String,
    #[diesel(sql_type = Text)]
    referred: String,
}

/// The tables of the database, each after those that it refers to. Their rows are not counted yet.
///
/// Where `only` is given, other tables are passed over: a database may hold more than the site.
pub fn tables(
    conn: &mut DbConnection,
    only: Option<&BTreeSet<String>>,
) -> anyhow::Result<Vec<Table>> {
    let dialect = Dialect::of(conn);
    let (columns, references) = match dialect {
        Dialect::Postgres => (POSTGRES_COLUMNS, POSTGRES_REFERENCES),
        Dialect::Sqlite => (SQLITE_COLUMNS, SQLITE_REFERENCES),
    };
    let is_moved =
        |table: &str| !LEFT_OUT.contains(&table) && only.is_none_or(|only| only.contains(table));
    let mut listed: BTreeMap<String, Vec<ListedColumn>> = BTreeMap::new();
    for column in diesel::sql_query(columns)
        .load::<ListedColumn>(conn)
        .context("cannot list the tables")?
    {
        if is_moved(&column.table_name) {
            listed
                .entry(column.table_name.clone())
                .or_default()
                .push(column);
        }
    }
    let tables = listed
        .into_iter()
        .map(|(name, columns)| table(dialect, name, columns))
        .collect::<anyhow::Result<_>>()?;
    let references = diesel::sql_query(references)
        .load::<Reference>(conn)
        .context("cannot list the foreign keys")?;
    in_order(tables, &references)
}

/// The migrations that were run on the database, in order.
pub(super) fn migrations(conn: &mut DbConnection) -> QueryResult<Vec<String>> {
    diesel::dsl::sql::<Text>("SELECT version FROM __diesel_schema_migrations ORDER BY version")
        .load(conn)
}

fn table(dialect: Dialect, name: String, mut listed: Vec<ListedColumn>) -> anyhow::Result<Table> {
    listed.sort_by_key(|column| column.key_place);
    let key: Vec<String> = listed
        .iter()
        .filter(|column| column.key_place >= 0)
        .map(|column| column.column_name.clone())
        .collect();
    if key.is_empty() {
        bail!("the table {name} has no primary key, so its rows have no order");
    }
    let mut columns = listed
        .into_iter()
        .map(|listed| column(dialect, listed))
        .collect::<anyhow::Result<Vec<_>>>()?;
    columns.sort_by(|a, b| a.name.cmp(&b.name));
    // SQLite has several notations for one and the same time or number: they would not sort alike.
    if let Some(column) = columns.iter().find(|column| {
        key.contains(&column.name) && matches!(column.kind, Kind::Timestamp | Kind::Double)
    }) {
        bail!(
            "the column {} of the table {name} cannot be a key",
            column.name
        );
    }
    Ok(Table {
        name,
        columns,
        key,
        rows: 0,
        last_id: 0,
    })
}

fn column(dialect: Dialect, listed: ListedColumn) -> anyhow::Result<Column> {
    let name = (listed.table_name.as_str(), listed.column_name.as_str());
    let is_boolean = name.1.starts_with("is_") || BOOLEANS.contains(&name);
    let is_timestamp = name.1.ends_with("_at") || TIMESTAMPS.contains(&name);
    let kind = match (dialect, listed.declared.as_str()) {
        (Dialect::Sqlite, "INTEGER") if is_boolean => Kind::Boolean,
        (Dialect::Sqlite, "TEXT") if is_timestamp => Kind::Timestamp,
        (Dialect::Sqlite, "INT" | "INTEGER")
        | (Dialect::Postgres, "smallint" | "integer" | "bigint") => Kind::Integer,
        (Dialect::Sqlite, "TEXT") | (Dialect::Postgres, "text" | "character varying") => Kind::Text,
        (Dialect::Sqlite, "REAL") | (Dialect::Postgres, "double precision") => Kind::Double,
        (Dialect::Sqlite, "BLOB") | (Dialect::Postgres, "bytea") => Kind::Bytes,
        (Dialect::Postgres, "boolean") => Kind::Boolean,
        (Dialect::Postgres, "timestamp without time zone") => Kind::Timestamp,
        (_, declared) => bail!(
            "the column {} of the table {} is of the type {declared}, which cannot be moved",
            listed.column_name,
            listed.table_name
        ),
    };
    Ok(Column {
        name: listed.column_name,
        kind,
    })
}

/// Sorts the tables so that each comes after those that it refers to, else by name: the same on every database.
fn in_order(mut tables: Vec<Table>, references: &[Reference]) -> anyhow::Result<Vec<Table>> {
    let mut ordered: Vec<Table> = Vec::new();
    while !tables.is_empty() {
        let waits = |table: &Table| {
            references.iter().any(|reference| {
                reference.table_name == table.name
                    && reference.referred != table.name
                    && tables.iter().any(|other| other.name == reference.referred)
            })
        };
        let Some(next) = tables.iter().position(|table| !waits(table)) else {
            let names: Vec<&str> = tables.iter().map(|table| table.name.as_str()).collect();
            bail!("the tables {} refer to each other", names.join(", "));
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
    fn both_databases_have_the_same_tables_columns_and_kinds() -> anyhow::Result<()> {
        let (Some(postgres), sqlite) = (TestDb::postgres()?, TestDb::sqlite()?) else {
            return Ok(());
        };

        let told = tables(&mut postgres.connect()?, None)?;
        let read_from_names = tables(&mut sqlite.connect()?, None)?;

        assert_eq!(
            read_from_names, told,
            "left SQLite, right PostgreSQL: add booleans and times of another name to the lists above"
        );
        Ok(())
    }

    #[test]
    fn a_table_comes_after_those_that_it_refers_to() -> anyhow::Result<()> {
        for db in TestDb::each()? {
            let names: Vec<String> = tables(&mut db.connect()?, None)?
                .into_iter()
                .map(|table| table.name)
                .collect();

            let place = |name: &str| names.iter().position(|other| other == name);
            assert!(place("addresses") < place("lettings"), "{names:?}");
            assert!(place("users") < place("profiles"), "{names:?}");
            assert!(!names.contains(&"__diesel_schema_migrations".to_owned()));
        }
        Ok(())
    }
}
