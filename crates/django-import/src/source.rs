//! A Django site to import from: rows of its database, or objects of a dump.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::rc::Rc;

use anyhow::{Context, bail, ensure};
use diesel::connection::DefaultLoadingMode;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Binary, Nullable, Text};
use diesel::sqlite::SqliteConnection;
use encoding_rs::Encoding;
use tempfile::TempDir;
use transfer::Input;
use transfer::table::quoted;

use super::database;
use super::dump::{self, Dump, Objects};
use super::layout::{Layout, Model};
use super::row::{LARGEST_ID, SourceRow};

/// The first bytes of every SQLite database.
const SQLITE: &[u8] = b"SQLite format 3\0";

/// A site that is open for reading.
pub(crate) struct Source {
    rows: Rows,
    pub(crate) layout: Layout,
    /// Rows of each table, or objects of each model in a dump.
    counts: BTreeMap<String, u64>,
}

enum Rows {
    Database {
        conn: SqliteConnection,
        encoding: &'static Encoding,
        /// The folder of a copy, removed at the end.
        _folder: Option<TempDir>,
    },
    Dump(Objects),
}

impl Source {
    /// Opens a database or a dump, and finds out its layout.
    pub(crate) fn open(input: &Input) -> anyhow::Result<Self> {
        let mut start = Vec::new();
        File::open(input.path())
            .and_then(|file| file.take(16).read_to_end(&mut start))
            .context("could not open it")?;
        if start.starts_with(SQLITE) {
            Self::from_database(input)
        } else if start.starts_with(&[0x1f, 0x8b]) {
            bail!("it is compressed; use `gunzip -c FILE | oc-lettings import-django -`")
        } else {
            Self::from_dump(dump::read(input.path())?)
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
        let mut counts = BTreeMap::new();
        for name in names {
            let rows: i64 =
                diesel::dsl::sql::<BigInt>(&format!("SELECT count(*) FROM {}", quoted(&name)))
                    .get_result(&mut conn)
                    .map_err(database::explain)?;
            counts.insert(name, rows.unsigned_abs());
        }
        if counts.contains_key("__diesel_schema_migrations") {
            bail!("it is a database of this program; use `copy` for it");
        }
        let layout = Layout::detect(&counts, Model::table, true)?;
        let has_users = counts.contains_key("auth_user");
        ensure!(has_users, "it has no table auth_user");
        Ok(Self {
            layout,
            rows: Rows::Database {
                conn,
                encoding: Encoding::for_label(encoding.as_bytes()).context("unknown encoding")?,
                _folder: folder,
            },
            counts,
        })
    }

    fn from_dump(Dump { counts, objects }: Dump) -> anyhow::Result<Self> {
        let label = |model: Model, layout| model.label(layout).to_owned();
        Ok(Self {
            layout: Layout::detect(&counts, label, false)?,
            rows: Rows::Dump(objects),
            counts,
        })
    }

    /// What was read, such as “SQLite database, split apps”.
    pub(crate) fn description(&self) -> String {
        let format = match self.rows {
            Rows::Database { .. } => "SQLite database",
            Rows::Dump(_) => "dumpdata JSON",
        };
        format!("{format}, {}", self.layout.name())
    }

    /// What its rows are called in the report: the table, or the model of a dump.
    pub(crate) fn name(&self, model: Model) -> String {
        match self.rows {
            Rows::Database { .. } => model.table(self.layout),
            Rows::Dump(_) => model.label(self.layout).to_owned(),
        }
    }

    /// Number of rows of a model.
    pub(crate) fn count(&self, model: Model) -> u64 {
        self.counts.get(&self.name(model)).copied().unwrap_or(0)
    }

    /// Tables or models with rows that are not imported.
    pub(crate) fn not_imported(&self) -> Vec<(String, u64)> {
        let mut imported: Vec<String> = Model::ALL.map(|model| self.name(model)).into();
        for model in Model::ALL {
            let table = self.name(model);
            let lists = model.lists().iter();
            imported.extend(lists.map(|(field, ..)| format!("{table}_{field}")));
        }
        let mut others = self.counts.clone();
        others.retain(|name, rows| *rows > 0 && !imported.contains(name));
        others.into_iter().collect()
    }

    /// The last id that a table assigned, maybe to a row that is gone.
    pub(crate) fn last_id(&mut self, model: Model) -> anyhow::Result<i64> {
        let Rows::Database { conn, .. } = &mut self.rows else {
            return Ok(0);
        };
        let has_sequences = "SELECT count(*) FROM sqlite_schema WHERE name = 'sqlite_sequence'";
        if diesel::dsl::sql::<BigInt>(has_sequences).get_result::<i64>(conn)? == 0 {
            return Ok(0);
        }
        let query = format!(
            "SELECT coalesce(max(CAST(seq AS INTEGER)), 0) FROM sqlite_sequence WHERE name = '{}'",
            model.table(self.layout)
        );
        let last_id: i64 = diesel::dsl::sql::<BigInt>(&query).get_result(conn)?;
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
        let query = self.select(model);
        match &mut self.rows {
            Rows::Dump(objects) => {
                for (pk, fields) in &objects[&name] {
                    sink(SourceRow::new(&name, pk.clone(), Rc::clone(fields), true))?;
                }
            }
            Rows::Database { conn, encoding, .. } => {
                let explain =
                    |error| database::explain(error).context(format!("could not read {name}"));
                let records = diesel::dsl::sql::<(Nullable<Binary>, Binary)>(&query)
                    .load_iter::<(Option<Vec<u8>>, Vec<u8>), DefaultLoadingMode>(conn)
                    .map_err(explain)?;
                for record in records {
                    let (pk, fields) = record.map_err(explain)?;
                    let pk = pk.unwrap_or_default();
                    let (pk, _) = encoding.decode_without_bom_handling(&pk);
                    let (fields, has_errors) = encoding.decode_without_bom_handling(&fields);
                    let fields = Rc::new(serde_json::from_str(&fields)?);
                    sink(SourceRow::new(&name, pk.into(), fields, !has_errors))?;
                }
            }
        }
        Ok(())
    }

    /// SQL for the rows of a table in the form of a dump. Values are cast to text: SQLite stores any type anywhere.
    fn select(&self, model: Model) -> String {
        let model_table = model.table(self.layout);
        let mut parts = Vec::new();
        for column in model.columns() {
            let field = Model::field(column);
            parts.push(format!("'{field}', CAST(t.{column} AS TEXT)"));
        }
        for (field, owner, item) in model.lists() {
            let table = format!("{model_table}_{field}");
            if self.counts.contains_key(&table) {
                parts.push(format!(
                    "'{field}', json((SELECT json_group_array(CAST({item} AS TEXT)) FROM {table} WHERE {owner} = t.id))"
                ));
            }
        }
        format!(
            "SELECT CAST(CAST(t.id AS TEXT) AS BLOB) AS pk, CAST(json_object({}) AS BLOB) AS fields \
             FROM {} AS t ORDER BY t.rowid",
            parts.join(", "),
            quoted(&model_table)
        )
    }
}
