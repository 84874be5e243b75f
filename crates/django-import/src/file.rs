//! The file: opened to be read alone, and read table by table.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use anyhow::{Context, bail};
use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sql_types::BigInt;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_encode};
use tempfile::TempDir;

use super::cells::Cells;
use super::{dump, private};

/// The beginning of every SQLite database.
const MAGIC: &[u8] = b"SQLite format 3\0";
/// The largest id that is taken over: beyond it no counter of an old site came, and later rows need room.
pub(super) const LARGEST_ID: i64 = 1 << 53;
/// Rows a query.
const PAGE: i64 = 2_000;
/// What may stand in a path as it is, within SQLite's notation of a file as a URI.
const IN_PATHS: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'/')
    .remove(b'-')
    .remove(b'_')
    .remove(b'.');

/// Another writer is waited for; nothing that a file says of itself is run or trusted.
const SETTINGS: &str =
    "PRAGMA busy_timeout = 10000; PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON;";

/// A Django database as it is at one moment, whatever others write meanwhile.
pub(super) struct DjangoFile {
    conn: SqliteConnection,
    /// Whether it is what `dumpdata` wrote.
    pub(super) is_dump: bool,
    /// Its tables with their columns.
    pub(super) tables: BTreeMap<String, Vec<String>>,
    /// What the file holds beside that, and how many of it, where it is no database.
    pub(super) others: BTreeMap<String, u64>,
    /// Kinds of rows of the site that a dump has none of.
    pub(super) none: Vec<&'static str>,
    /// Whether ids were missing, and are made up.
    pub(super) lacks_ids: bool,
    /// Holds the private copy, if there is one, and goes last.
    folder: Option<TempDir>,
}

/// Whether somebody is writing just now, so that a copy would be half old and half new.
fn is_locked(error: &anyhow::Error) -> bool {
    format!("{error:#}").contains("database is locked")
}

impl DjangoFile {
    /// Opens a database, or what `dumpdata` wrote.
    pub(super) fn open(path: &Path) -> anyhow::Result<Self> {
        let shown = path.display();
        if path.is_dir() {
            bail!("{shown} is a folder");
        }
        let mut beginning = Vec::new();
        File::open(path)
            .and_then(|file| file.take(100).read_to_end(&mut beginning))
            .with_context(|| format!("cannot read {shown}"))?;
        if beginning.starts_with(MAGIC) {
            // SQLite looks for a log beside the file itself, not beside a link to it.
            let path = path
                .canonicalize()
                .with_context(|| format!("cannot read {shown}"))?;
            // Bytes 18 and 19 are 2 in a database with a write-ahead log.
            let opened = if beginning.get(18..20) == Some(&[2, 2]) {
                let (folder, copy) = private::copy_with_wal(&path)?;
                Self::copied(folder, &copy)
            } else {
                Self::snapshot(&path)
            };
            return opened.with_context(|| format!("cannot read {shown}"));
        }
        if dump::looks_like_one(&beginning) {
            return dump::stage(path).with_context(|| format!("cannot read {shown}"));
        }
        bail!("{shown} is neither a SQLite database nor what Django's dumpdata writes as JSON")
    }

    /// Reads a copy, so that whoever writes to the database waits no longer than it takes to make one. Where none can
    /// be made, because the database is damaged say, it is read where it lies, as far as that goes.
    fn snapshot(path: &Path) -> anyhow::Result<Self> {
        let mut file = Self::in_place(path)?;
        if file.folder.is_some() {
            return Ok(file);
        }
        let folder = tempfile::tempdir().context("cannot make a temporary folder")?;
        let copy = folder.path().join("django.sqlite3");
        let vacuum = format!(
            "COMMIT; VACUUM INTO '{}'",
            copy.to_string_lossy().replace('\'', "''")
        );
        match file.conn.batch_execute(&vacuum) {
            Ok(()) => Self::copied(folder, &copy),
            Err(_) => Self::in_place(path),
        }
    }

    /// Reads a database where it lies. A write that was broken off can only be taken back in a copy.
    fn in_place(path: &Path) -> anyhow::Result<Self> {
        let mut uri = b"file:".to_vec();
        uri.extend(
            percent_encode(path.as_os_str().as_bytes(), IN_PATHS)
                .to_string()
                .bytes(),
        );
        uri.extend(b"?mode=ro");
        match Self::new(&String::from_utf8(uri)?, None) {
            Err(error) if private::has_journal(path) && !is_locked(&error) => {
                let (folder, copy) = private::copy_with_journal(path)?;
                Self::copied(folder, &copy)
            }
            opened => opened,
        }
    }

    fn copied(folder: TempDir, copy: &Path) -> anyhow::Result<Self> {
        let copy = copy
            .to_str()
            .context("the temporary folder's path is no Unicode")?
            .to_owned();
        Self::new(&copy, Some(folder))
    }

    fn new(uri: &str, folder: Option<TempDir>) -> anyhow::Result<Self> {
        let mut conn = SqliteConnection::establish(uri)?;
        conn.batch_execute(SETTINGS)?;
        let file = Self {
            conn,
            is_dump: false,
            tables: BTreeMap::new(),
            others: BTreeMap::new(),
            none: Vec::new(),
            lacks_ids: false,
            folder,
        };
        file.begun()
    }

    /// A database that was filled from somewhere else.
    pub(super) fn staged(conn: SqliteConnection, folder: TempDir) -> anyhow::Result<Self> {
        let file = Self {
            conn,
            is_dump: true,
            tables: BTreeMap::new(),
            others: BTreeMap::new(),
            none: Vec::new(),
            lacks_ids: false,
            folder: Some(folder),
        };
        file.begun()
    }

    /// Begins the one transaction in which it is read, and lists what is there.
    fn begun(mut self) -> anyhow::Result<Self> {
        self.conn.batch_execute("BEGIN DEFERRED")?;
        let encoding = self.query("SELECT CAST(encoding AS BLOB) FROM pragma_encoding")?;
        if let Some(encoding) = encoding.first().map(|row| row.shown(0))
            && encoding != "UTF-8"
        {
            bail!("its text is stored as {encoding}; Django stores UTF-8");
        }
        let columns = self.query(
            "SELECT CAST(t.name AS BLOB), CAST(c.name AS BLOB) \
             FROM pragma_table_list t JOIN pragma_table_info(t.name) c \
             WHERE t.schema = 'main' AND t.type = 'table' AND t.name NOT LIKE 'sqlite\\_%' ESCAPE '\\' \
             ORDER BY t.name, c.cid",
        )?;
        for row in columns {
            let (table, column) = (row.text(0), row.text(1));
            let (Ok(table), Ok(column)) = (table, column) else {
                bail!(
                    "the table {} has a name that is not valid UTF-8",
                    row.shown(0)
                );
            };
            self.tables
                .entry(table.to_owned())
                .or_default()
                .push(column.to_owned());
        }
        Ok(self)
    }

    /// Whether it has a table of that name.
    pub(super) fn has(&self, table: &str) -> bool {
        self.tables.contains_key(table)
    }

    /// The table that a column refers to, if the database says so.
    pub(super) fn referred(&mut self, table: &str, column: &str) -> anyhow::Result<Option<String>> {
        let rows = self.query(&format!(
            "SELECT CAST(\"table\" AS BLOB) FROM pragma_foreign_key_list('{}') WHERE \"from\" = '{column}'",
            table.replace('\'', "''")
        ))?;
        let referred = rows.first().and_then(|row| row.text(0).ok());
        Ok(referred.filter(|table| self.has(table)).map(str::to_owned))
    }

    /// How many rows a table has.
    pub(super) fn count(&mut self, table: &str) -> anyhow::Result<u64> {
        let query = format!("SELECT count(*) FROM {}", quoted(table));
        let rows: i64 = diesel::dsl::sql::<BigInt>(&query)
            .get_result(&mut self.conn)
            .with_context(|| format!("cannot read the table {table}"))?;
        Ok(rows.unsigned_abs())
    }

    /// The last id that a table gave out, to a row that may be gone or may break a rule.
    pub(super) fn last_id(&mut self, table: &str) -> anyhow::Result<i64> {
        let mut last_id = self.largest(&format!(
            "SELECT coalesce(max(id), 0) FROM (SELECT CAST(CAST(id AS TEXT) AS INTEGER) AS id FROM {}) \
             WHERE id <= {LARGEST_ID}",
            quoted(table)
        ))?;
        let counts = "SELECT 1 FROM sqlite_master WHERE name = 'sqlite_sequence'";
        if !self.query(counts)?.is_empty() {
            last_id = last_id.max(self.largest(&format!(
                "SELECT coalesce(max(CAST(seq AS INTEGER)), 0) FROM sqlite_sequence WHERE name = '{}'",
                table.replace('\'', "''")
            ))?);
        }
        Ok(last_id.clamp(0, LARGEST_ID))
    }

    fn largest(&mut self, query: &str) -> anyhow::Result<i64> {
        Ok(diesel::dsl::sql::<BigInt>(query).get_result(&mut self.conn)?)
    }

    /// What a query gives, each value as bytes.
    pub(super) fn query(&mut self, query: &str) -> anyhow::Result<Vec<Cells>> {
        Ok(diesel::sql_query(query).load(&mut self.conn)?)
    }

    /// Hands out every row of a table, as these expressions over `t`.
    ///
    /// Each query asks for what comes after the row before, so that a page at a time is in memory.
    pub(super) fn read(
        &mut self,
        table: &str,
        expressions: &[String],
        take: &mut dyn FnMut(&Cells) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        let mut values = vec!["CAST(t.rowid AS BLOB)".to_owned()];
        values.extend(
            expressions
                .iter()
                .map(|expression| format!("CAST({expression} AS BLOB)")),
        );
        let query = format!(
            "SELECT {} FROM {} AS t WHERE t.rowid >= ? ORDER BY t.rowid LIMIT {PAGE}",
            values.join(", "),
            quoted(table)
        );
        let mut first = i64::MIN;
        loop {
            let rows: Vec<Cells> = diesel::sql_query(&query)
                .bind::<BigInt, _>(first)
                .load(&mut self.conn)
                .with_context(|| format!("cannot read the table {table}"))?;
            let Some(end) = rows.last() else {
                return Ok(());
            };
            let end = end.whole(0).map_err(anyhow::Error::msg)?;
            for row in &rows {
                take(row)?;
            }
            let Some(next) = end.checked_add(1) else {
                return Ok(());
            };
            first = next;
        }
    }
}

/// A name, for SQL.
pub(super) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
