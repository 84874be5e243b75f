//! What a database holds that was just made: the tables of this version, and the rows that migrations put in.

use std::collections::BTreeSet;

use anyhow::{Context, bail};
use oc_core::{DatabaseUrl, DbConnection, migrations, open};

use super::table::{Header, Table};
use super::{catalog, rows};

/// A new database in memory, with every migration of this program.
pub(super) struct Pristine {
    pub(super) conn: DbConnection,
    pub(super) tables: Vec<Table>,
    pub(super) migrations: Vec<String>,
}

impl Pristine {
    pub(super) fn new() -> anyhow::Result<Self> {
        let mut conn = open(&DatabaseUrl::Sqlite(":memory:".into()))?;
        migrations::migrate(&mut conn).context("cannot make a database in memory")?;
        Ok(Self {
            tables: catalog::tables(&mut conn, None)?,
            migrations: catalog::migrations(&mut conn)?,
            conn,
        })
    }

    /// The names of the site's tables.
    pub(super) fn names(&self) -> BTreeSet<String> {
        self.tables.iter().map(|table| table.name.clone()).collect()
    }

    /// Refuses rows from a database that a newer program migrated.
    pub(super) fn check_known(&self, header: &Header) -> anyhow::Result<()> {
        let unknown = header
            .migrations
            .iter()
            .find(|migration| !self.migrations.contains(migration));
        if let Some(unknown) = unknown {
            bail!(
                "the rows are of a newer version ({}): it has the migration {unknown}, which this one does not \
                 know; use that version",
                header.program
            );
        }
        Ok(())
    }

    /// Refuses a database that holds any row which migrations did not put in.
    pub(super) fn check_empty(&mut self, conn: &mut DbConnection) -> anyhow::Result<()> {
        for table in catalog::tables(conn, Some(&self.names()))? {
            if rows::any(conn, &table)? && !self.holds_the_same(conn, &table)? {
                bail!(
                    "the database is not empty: rows in the table {}: {}",
                    table.name,
                    rows::count(conn, &table)?
                );
            }
        }
        Ok(())
    }

    fn holds_the_same(&mut self, conn: &mut DbConnection, table: &Table) -> anyhow::Result<bool> {
        if rows::count(&mut self.conn, table)? != rows::count(conn, table)? {
            return Ok(false);
        }
        let ignore = &mut |_| Ok(());
        Ok(rows::read(&mut self.conn, table, ignore)? == rows::read(conn, table, ignore)?)
    }
}
