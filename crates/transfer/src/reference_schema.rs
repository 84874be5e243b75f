//! A new database in memory: the tables of this version, and the rows that its migrations insert.

use anyhow::{Context, bail};
use oc_core::{DatabaseUrl, DbConnection, content_version, migrations, open};

use super::table::{Header, Table};
use super::{catalog, rows, sequences};

/// A database in memory with every migration of this program.
pub struct ReferenceSchema {
    pub(super) conn: DbConnection,
    /// The tables, each after the tables that it references.
    pub tables: Vec<Table>,
    pub(super) migrations: Vec<String>,
}

impl ReferenceSchema {
    /// Runs every migration on a new database in memory.
    pub fn new() -> anyhow::Result<Self> {
        let mut conn = open(&DatabaseUrl::Sqlite(":memory:".into()))?;
        migrations::migrate(&mut conn).context("could not create a database in memory")?;
        Ok(Self {
            tables: catalog::tables(&mut conn, None)?,
            migrations: catalog::migrations(&mut conn)?,
            conn,
        })
    }

    /// Rejects a database in which a table, a column or a trigger that pages need is missing, or whose sequences are
    /// behind.
    pub fn check_complete(&mut self, conn: &mut DbConnection) -> anyhow::Result<()> {
        if let Some(table) = catalog::missing_bookkeeping(conn)?.first() {
            bail!("the table {table} is missing; restore a backup");
        }
        let found = catalog::tables(conn, Some(&self.tables))?;
        let mut tables = self.tables.iter();
        if let Some(lacking) = tables.find_map(|table| table.lacking_in(&found)) {
            bail!("{lacking}; restore a backup");
        }
        for table in &self.tables {
            if let Some(id) = table.sequence_column()
                && sequences::is_behind(conn, table)?
            {
                let (table, id) = (&table.name, &id.name);
                bail!(
                    "new rows of {table} would get ids that exist; run \
                     SELECT setval(pg_get_serial_sequence('{table}', '{id}'), (SELECT max({id}) FROM {table}))"
                );
            }
        }
        let found = catalog::versioned_tables(conn)?;
        let needed = catalog::versioned_tables(&mut self.conn)?;
        if let Some(table) = needed.iter().find(|table| !found.contains(table)) {
            bail!("a trigger of the table {table} is missing: pages would be out of date");
        }
        content_version::current(conn).context("the table content_version is empty")?;
        Ok(())
    }

    /// Rejects rows of a newer version, tables and columns that this version does not have.
    pub(super) fn check_known(&self, header: &Header) -> anyhow::Result<()> {
        let unknown = header
            .migrations
            .iter()
            .find(|migration| !self.migrations.contains(migration));
        if let Some(unknown) = unknown {
            bail!(
                "the rows were written by a newer version ({}), which has the migration {unknown}; use that version",
                header.program
            );
        }
        let mut tables = header.tables.iter();
        if let Some(lacking) = tables.find_map(|table| table.lacking_in(&self.tables)) {
            bail!("{lacking} in this version; use the version that wrote the rows");
        }
        Ok(())
    }

    /// Rejects a database with rows other than those that migrations insert.
    pub fn check_empty(&mut self, conn: &mut DbConnection) -> anyhow::Result<()> {
        let digest = |conn: &mut DbConnection, table| rows::read(conn, table, &mut |_| Ok(()));
        for table in &catalog::tables(conn, Some(&self.tables))? {
            let found = rows::count(conn, table)?;
            let is_same = found == rows::count(&mut self.conn, table)?
                && digest(conn, table)? == digest(&mut self.conn, table)?;
            if found > 0 && !is_same {
                bail!(
                    "the database is not empty: rows in the table {}: {found}",
                    table.name
                );
            }
        }
        Ok(())
    }
}
