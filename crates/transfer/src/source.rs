//! Where rows come from, and the snapshot of a database.

use anyhow::{Context, bail};
use chrono::{SecondsFormat, Utc};
use diesel::connection::SimpleConnection;
use oc_core::{DbConnection, migrations, version};

use super::digest::Digest;
use super::progress::Progress;
use super::reference_schema::ReferenceSchema;
use super::table::{FORMAT, FORMAT_VERSION, Header, Table};
use super::{catalog, rows, sequences};

/// Yields the rows of the tables in its header, one table after another.
pub trait Source {
    /// Describes the rows.
    fn header(&self) -> &Header;

    /// Yields all rows of a table in batches of lines, as [`rows::read`] does. Tables must be read in the order of the
    /// header.
    fn rows(
        &mut self,
        table: &Table,
        sink: &mut dyn FnMut(&[String]) -> anyhow::Result<()>,
    ) -> anyhow::Result<Digest>;

    /// Runs the checks that need all rows.
    fn finish(&mut self) -> anyhow::Result<()> {
        Ok(())
    }

    /// Yields the rows of all tables while a progress bar shows the activity. Returns the digest of each table.
    fn all_rows(
        &mut self,
        activity: &'static str,
        sink: &mut dyn FnMut(&Table, &[String]) -> anyhow::Result<()>,
    ) -> anyhow::Result<Vec<Digest>> {
        let tables = self.header().tables.clone();
        let progress = Progress::new(activity, self.header().rows());
        let mut digests = Vec::new();
        for table in &tables {
            digests.push(self.rows(table, &mut |rows| {
                progress.add(rows.len());
                sink(table, rows)
            })?);
        }
        self.finish()?;
        Ok(digests)
    }
}

/// A database as it was at one moment, whatever others write meanwhile. It is only read.
pub struct Snapshot {
    /// In a transaction, which ends with the connection.
    conn: DbConnection,
    header: Header,
}

impl Snapshot {
    /// Begins a read transaction and lists the tables. `revision` is the commit of this program.
    pub fn new(mut conn: DbConnection, revision: &str) -> anyhow::Result<Self> {
        let status = migrations::status(&mut conn)?;
        if status.brand_new {
            bail!("the database has no tables of the site: no migration has run on it");
        }
        // A database of another version may have tables that this version does not know.
        let known = if status.pending.is_empty() && status.unknown.is_empty() {
            Some(ReferenceSchema::new()?.tables)
        } else {
            None
        };
        let begin = match conn {
            DbConnection::Postgres(_) => "BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY",
            // It sees the moment of its first query.
            DbConnection::Sqlite(_) => "BEGIN",
        };
        conn.batch_execute(begin)
            .context("could not read the database")?;
        let (name, version) = version(&mut conn)?;
        let mut tables = catalog::tables(&mut conn, known.as_deref())?;
        for table in &mut tables {
            table.rows = rows::count(&mut conn, table)?;
            table.last_id = sequences::last_id(&mut conn, table)?;
        }
        let header = Header {
            format: FORMAT.to_owned(),
            format_version: FORMAT_VERSION,
            program: env!("CARGO_PKG_VERSION").to_owned(),
            revision: revision.to_owned(),
            created_at: Utc::now().to_rfc3339_opts(SecondsFormat::Secs, true),
            database: format!("{name} {version}"),
            migrations: catalog::migrations(&mut conn)?,
            tables,
        };
        Ok(Self { conn, header })
    }
}

impl Source for Snapshot {
    fn header(&self) -> &Header {
        &self.header
    }

    fn rows(
        &mut self,
        table: &Table,
        sink: &mut dyn FnMut(&[String]) -> anyhow::Result<()>,
    ) -> anyhow::Result<Digest> {
        rows::read(&mut self.conn, table, sink)
    }
}
