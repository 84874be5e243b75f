//! Where rows come from, and the snapshot of a database.

use anyhow::{Context, bail};
use chrono::{SecondsFormat, Utc};
use diesel::connection::{SimpleConnection, TransactionManager};
use oc_core::{DbConnection, migrations, version};

use super::digest::Digest;
use super::reference_schema::ReferenceSchema;
use super::table::{FORMAT, FORMAT_VERSION, Header, Table};
use super::{catalog, rows, sequences};

type Transactions = <DbConnection as diesel::Connection>::TransactionManager;

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
}

/// A database as it was at one moment, whatever others write meanwhile. It is only read.
pub struct Snapshot<'c> {
    conn: &'c mut DbConnection,
    header: Header,
}

impl<'c> Snapshot<'c> {
    /// Begins a read transaction and lists the tables. `revision` is the commit of this program.
    pub fn new(conn: &'c mut DbConnection, revision: &str) -> anyhow::Result<Self> {
        let status = migrations::status(conn)?;
        if status.brand_new {
            bail!("the database has no tables of the site: no migration has run on it");
        }
        // A database of another version may have tables that this version does not know.
        let known = if status.pending.is_empty() && status.unknown.is_empty() {
            Some(ReferenceSchema::new()?.names())
        } else {
            None
        };
        // On SQLite, it sees the moment of its first query.
        Transactions::begin_transaction(conn).context("could not read the database")?;
        // From here on, dropping the snapshot ends the transaction.
        let mut snapshot = Self {
            conn,
            header: Header::default(),
        };
        let conn = &mut *snapshot.conn;
        if let DbConnection::Postgres(postgres) = conn {
            let snapshot = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY";
            let begun = postgres.batch_execute(snapshot);
            begun.context("could not read the database")?;
        }
        let (name, version) = version(conn)?;
        let mut tables = catalog::tables(conn, known.as_ref())?;
        for table in &mut tables {
            table.rows = rows::count(conn, table)?;
            table.last_id = sequences::last_id(conn, table)?;
        }
        snapshot.header = Header {
            format: FORMAT.to_owned(),
            format_version: FORMAT_VERSION,
            program: env!("CARGO_PKG_VERSION").to_owned(),
            revision: revision.to_owned(),
            created_at: Utc::now().to_rfc3339_opts(SecondsFormat::Secs, true),
            database: format!("{name} {version}"),
            migrations: catalog::migrations(conn)?,
            tables,
        };
        Ok(snapshot)
    }
}

impl Source for Snapshot<'_> {
    fn header(&self) -> &Header {
        &self.header
    }

    fn rows(
        &mut self,
        table: &Table,
        sink: &mut dyn FnMut(&[String]) -> anyhow::Result<()>,
    ) -> anyhow::Result<Digest> {
        rows::read(self.conn, table, sink)
    }
}

impl Drop for Snapshot<'_> {
    fn drop(&mut self) {
        // Nothing was written, so nothing is lost.
        if let Err(error) = Transactions::rollback_transaction(self.conn) {
            log::debug!("could not end the read transaction: {error}");
        }
    }
}
