//! Where rows come from, and the one snapshot of a database that a transfer reads.

use std::collections::BTreeSet;

use anyhow::{Context, bail};
use chrono::{SecondsFormat, Utc};
use diesel::connection::{AnsiTransactionManager, TransactionManager};
use oc_core::{DbConnection, migrations, version};

use super::archive::{FORMAT, FORMAT_VERSION};
use super::batch::{Batch, Digest};
use super::pristine::Pristine;
use super::table::{Header, Table};
use super::{catalog, counter, rows};

type Transactions = <DbConnection as diesel::Connection>::TransactionManager;

/// What hands out rows: the tables of its header, one after another.
pub trait Source {
    /// What it holds.
    fn header(&self) -> &Header;

    /// Hands out all rows of a table of the header, in batches. Tables must be asked for in their order.
    fn rows(
        &mut self,
        table: &Table,
        take: &mut dyn FnMut(Batch) -> anyhow::Result<()>,
    ) -> anyhow::Result<Digest>;

    /// Checks what can only be known at the end.
    fn finish(&mut self) -> anyhow::Result<()>;
}

/// A database as it is at one moment, whatever others write meanwhile. It is only read.
pub struct Snapshot<'c> {
    conn: &'c mut DbConnection,
    header: Header,
}

impl<'c> Snapshot<'c> {
    /// Begins a transaction that sees one moment, and lists what is there. `revision` is the program's commit.
    pub fn new(conn: &'c mut DbConnection, revision: &str) -> anyhow::Result<Self> {
        let status = migrations::status(conn)?;
        if status.brand_new {
            bail!("the database holds nothing of the site: it was never migrated");
        }
        // A database of another version may hold tables that this version does not have.
        let known = if status.pending.is_empty() && status.unknown.is_empty() {
            Some(Pristine::new()?.names())
        } else {
            None
        };
        begin(conn).context("cannot begin to read the database")?;
        let mut snapshot = Self {
            conn,
            header: Header {
                format: FORMAT.to_owned(),
                format_version: FORMAT_VERSION,
                program: env!("CARGO_PKG_VERSION").to_owned(),
                revision: revision.to_owned(),
                created_at: Utc::now().to_rfc3339_opts(SecondsFormat::Secs, true),
                database: String::new(),
                migrations: Vec::new(),
                tables: Vec::new(),
            },
        };
        snapshot.list(known.as_ref())?;
        Ok(snapshot)
    }

    fn list(&mut self, known: Option<&BTreeSet<String>>) -> anyhow::Result<()> {
        let (name, version) = version(self.conn)?;
        self.header.database = format!("{name} {version}");
        self.header.migrations = catalog::migrations(self.conn)?;
        self.header.tables = catalog::tables(self.conn, known)?;
        for table in &mut self.header.tables {
            table.rows = rows::count(self.conn, table)?;
            table.last_id = counter::last_id(self.conn, table)?;
        }
        Ok(())
    }
}

impl Source for Snapshot<'_> {
    fn header(&self) -> &Header {
        &self.header
    }

    fn rows(
        &mut self,
        table: &Table,
        take: &mut dyn FnMut(Batch) -> anyhow::Result<()>,
    ) -> anyhow::Result<Digest> {
        rows::read(self.conn, table, take)
    }

    fn finish(&mut self) -> anyhow::Result<()> {
        Ok(())
    }
}

impl Drop for Snapshot<'_> {
    fn drop(&mut self) {
        // Nothing was written, so there is nothing to lose.
        if let Err(error) = Transactions::rollback_transaction(self.conn) {
            log::debug!("the end of a read failed: {error}");
        }
    }
}

/// Begins a transaction that sees one moment: on SQLite the one of its first query.
fn begin(conn: &mut DbConnection) -> diesel::QueryResult<()> {
    match conn {
        DbConnection::Postgres(postgres) => AnsiTransactionManager::begin_transaction_sql(
            postgres,
            "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
        ),
        DbConnection::Sqlite(sqlite) => {
            AnsiTransactionManager::begin_transaction_sql(sqlite, "BEGIN DEFERRED")
        }
    }
}
