//! A Django site to import from: rows of its database, or objects of a dump.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;

use anyhow::{Context, bail};
use diesel::connection::DefaultLoadingMode;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Binary, Nullable, Text};
use diesel::sqlite::SqliteConnection;
use encoding_rs::{Encoding, UTF_8};
use tempfile::TempDir;
use transfer::Input;
use transfer::table::quoted;

use super::layout::{Layout, Model};
use super::row::{LARGEST_ID, SourceRow};
use super::{database, dump};

/// The first bytes of every SQLite database.
const SQLITE: &[u8] = b"SQLite format 3\0";

/// A site that is open for reading.
pub(crate) struct Source {
    conn: SqliteConnection,
    encoding: &'static Encoding,
    pub(crate) is_dump: bool,
    pub(crate) layout: Layout,
    /// Rows of each table, or objects of each model in a dump.
    counts: BTreeMap<String, u64>,
    /// The folder of a temporary database, removed at the end.
    _folder: Option<TempDir>,
}

/// The id and the fields of a row.
type Record = (Option<Vec<u8>>, Vec<u8>);

impl Source {
    /// Opens a database or a dump, and finds out its layout.
    pub(crate) fn open(input: &Input) -> anyhow::Result<Self> {
        let mut start = Vec::new();
        File::open(input.path())
            .and_then(|file| file.take(8192).read_to_end(&mut start))
            .context("could not open it")?;
        if start.starts_with(SQLITE) {
            Self::from_database(input)
        } else if dump::is_dump(&start) {
            Self::from_dump(dump::read(input.path())?)
        } else if start.starts_with(&[0x1f, 0x8b]) {
            bail!("it is compressed; use `gunzip -c FILE | oc-lettings import-django -`")
        } else {
            bail!("it is neither a SQLite database nor the JSON list that dumpdata writes")
        }
    }

    fn from_database(input: &Input) -> anyhow::Result<Self> {
        let (mut conn, folder) = database::open(input.path())?;
        let encoding: String = diesel::dsl::sql::<Text>("SELECT encoding FROM pragma_encoding")
            .get_result(&mut conn)?;
        let names: Vec<String> = diesel::dsl::sql::<Text>(
            "SELECT name FROM pragma_table_list WHERE schema = 'main' AND type = 'table' \
             AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'",
        )
        .load(&mut conn)
        .map_err(database::explain)?;
        if names
            .iter()
            .any(|name| name == "__diesel_schema_migrations")
        {
            bail!("it is a database of this program; use `copy` for it");
        }
        let mut counts = BTreeMap::new();
        for name in names {
            let rows: i64 =
                diesel::dsl::sql::<BigInt>(&format!("SELECT count(*) FROM {}", quoted(&name)))
                    .get_result(&mut conn)
                    .map_err(database::explain)?;
            counts.insert(name, rows.unsigned_abs());
        }
        let layout = Layout::detect(&counts, Model::table, true)?;
        let mut source = Self {
            conn,
            encoding: Encoding::for_label(encoding.as_bytes()).context("unknown encoding")?,
            is_dump: false,
            layout,
            counts,
            _folder: folder,
        };
        source.check_columns()?;
        Ok(source)
    }

    pub(crate) fn from_dump(dump: dump::Dump) -> anyhow::Result<Self> {
        let label = |model: Model, layout| model.label(layout).to_owned();
        Ok(Self {
            layout: Layout::detect(&dump.counts, label, false)?,
            conn: dump.conn,
            encoding: UTF_8,
            is_dump: true,
            counts: dump.counts,
            _folder: Some(dump.folder),
        })
    }

    /// Rejects a database in which a column is missing.
    fn check_columns(&mut self) -> anyhow::Result<()> {
        if !self.counts.contains_key("auth_user") {
            bail!("it has no table auth_user");
        }
        for model in Model::ALL {
            let table = model.table(self.layout);
            let lists = model.lists().iter();
            let lists =
                lists.flat_map(|(_, table, owner, item)| [(*table, *owner), (*table, *item)]);
            let columns = model.columns().chain(["id"]);
            for (table, column) in columns.map(|column| (table.as_str(), column)).chain(lists) {
                let query = format!(
                    "SELECT count(*) FROM pragma_table_info('{table}') WHERE name = '{column}'"
                );
                let found: i64 = diesel::dsl::sql::<BigInt>(&query).get_result(&mut self.conn)?;
                if found == 0 && self.counts.contains_key(table) {
                    bail!("the table {table} has no column {column}");
                }
            }
        }
        Ok(())
    }

    /// What its rows are called in the report: the table, or the model of a dump.
    pub(crate) fn name(&self, model: Model) -> String {
        if self.is_dump {
            model.label(self.layout).to_owned()
        } else {
            model.table(self.layout)
        }
    }

    /// Number of rows of a model.
    pub(crate) fn count(&self, model: Model) -> u64 {
        self.counts.get(&self.name(model)).copied().unwrap_or(0)
    }

    /// Tables or models with rows that are not imported.
    pub(crate) fn not_imported(&self) -> impl Iterator<Item = (&str, u64)> {
        let mut imported: Vec<String> = Model::ALL.map(|model| self.name(model)).into();
        let lists = Model::ALL.into_iter().flat_map(Model::lists);
        imported.extend(lists.map(|(_, table, _, _)| (*table).to_owned()));
        let counts = self.counts.iter();
        counts
            .filter(move |(name, rows)| **rows > 0 && !imported.contains(name))
            .map(|(name, rows)| (name.as_str(), *rows))
    }

    /// The last id that a table assigned, maybe to a row that is gone.
    pub(crate) fn last_id(&mut self, model: Model) -> anyhow::Result<i64> {
        let has_sequences = "SELECT count(*) FROM sqlite_schema WHERE name = 'sqlite_sequence'";
        if self.is_dump
            || diesel::dsl::sql::<BigInt>(has_sequences).get_result::<i64>(&mut self.conn)? == 0
        {
            return Ok(0);
        }
        let query = format!(
            "SELECT coalesce(max(CAST(seq AS INTEGER)), 0) FROM sqlite_sequence WHERE name = '{}'",
            model.table(self.layout)
        );
        let last_id: i64 = diesel::dsl::sql::<BigInt>(&query).get_result(&mut self.conn)?;
        Ok(last_id.clamp(0, LARGEST_ID))
    }

    /// Yields every row of a model, in the order of the file.
    pub(crate) fn read(
        &mut self,
        model: Model,
        sink: &mut dyn FnMut(SourceRow) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        let name = self.name(model);
        if !self.counts.contains_key(&name) {
            return Ok(());
        }
        let query = if self.is_dump {
            format!(
                "SELECT CAST(pk AS BLOB) AS pk, CAST(fields AS BLOB) AS fields FROM objects \
                 WHERE model = '{name}' ORDER BY number"
            )
        } else {
            self.select(model)
        };
        let explain = |error| database::explain(error).context(format!("could not read {name}"));
        let records = diesel::dsl::sql::<(Nullable<Binary>, Binary)>(&query)
            .load_iter::<Record, DefaultLoadingMode>(&mut self.conn)
            .map_err(explain)?;
        for record in records {
            let (pk, fields) = record.map_err(explain)?;
            let pk = pk.unwrap_or_default();
            let (pk, _) = self.encoding.decode_without_bom_handling(&pk);
            let (fields, has_errors) = self.encoding.decode_without_bom_handling(&fields);
            sink(SourceRow::new(&name, &pk, &fields, !has_errors)?)?;
        }
        Ok(())
    }

    /// SQL for the rows of a table in the form of a dump. Values are cast to text: SQLite stores any type anywhere.
    fn select(&self, model: Model) -> String {
        let mut parts = Vec::new();
        for column in model.columns() {
            let field = Model::field(column);
            parts.push(format!("'{field}', CAST(t.{column} AS TEXT)"));
        }
        for (field, table, owner, item) in model.lists() {
            if self.counts.contains_key(*table) {
                parts.push(format!(
                    "'{field}', json((SELECT json_group_array(CAST({item} AS TEXT)) FROM {table} WHERE {owner} = t.id))"
                ));
            }
        }
        format!(
            "SELECT CAST(CAST(t.id AS TEXT) AS BLOB) AS pk, CAST(json_object({}) AS BLOB) AS fields \
             FROM {} AS t ORDER BY t.rowid",
            parts.join(", "),
            quoted(&model.table(self.layout))
        )
    }
}
