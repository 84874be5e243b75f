//! The database that a transfer fills.

use std::path::PathBuf;

use anyhow::{Context, bail};
use diesel::RunQueryDsl;
use diesel::connection::SimpleConnection;
use oc_core::{DatabaseUrl, DbConnection, migrations, open};

use super::catalog;
use super::reference_schema::ReferenceSchema;
use super::table::Table;

/// Whether a database may contain rows before it is filled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Occupied {
    /// Reject a database with rows.
    Reject,
    /// Delete its rows, in the same transaction that inserts the new ones.
    Replace,
}

/// A database to fill. If that fails, a SQLite file that did not exist before is removed again.
pub struct Target {
    // Dropped before the file is removed.
    conn: DbConnection,
    created: CreatedFile,
}

impl Target {
    /// Opens the database, or creates it if it is a SQLite file that does not exist.
    pub fn open(url: &DatabaseUrl) -> anyhow::Result<Self> {
        let created = CreatedFile(url.file().filter(|file| file.symlink_metadata().is_err()));
        let mut conn = open(url)?;
        if let DbConnection::Sqlite(sqlite) = &mut conn {
            // Indexes are written all over the file; with the default cache of 2 MB, pages are read again and again.
            sqlite
                .batch_execute("PRAGMA cache_size = -65536")
                .context("could not use the database")?;
        }
        Ok(Self { conn, created })
    }

    /// Migrates the database, then runs `work` in one transaction, in which no other connection can write. `work` gets
    /// `reference`, whose tables the database then has.
    pub fn fill(
        mut self,
        occupied: Occupied,
        reference: &mut ReferenceSchema,
        work: impl FnOnce(&mut DbConnection, &mut ReferenceSchema) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        let conn = &mut self.conn;
        // Checked before anything changes, and again once no other connection can write.
        if occupied == Occupied::Reject && !migrations::status(conn)?.brand_new {
            reference.check_empty(conn)?;
        }
        migrations::migrate_exactly(conn).context("could not migrate the database")?;
        conn.write(|conn| {
            let found = catalog::tables(conn, Some(&reference.tables))?;
            let mut tables = reference.tables.iter();
            if let Some(lacking) = tables.find_map(|table| table.lacking_in(&found)) {
                bail!("{lacking} in the database; use another one");
            }
            lock(conn, &reference.tables)?;
            if occupied == Occupied::Reject {
                reference.check_empty(conn)?;
            }
            work(conn, reference)
        })?;
        self.created.0 = None;
        Ok(())
    }
}

/// Blocks other writers until the transaction ends. On SQLite the transaction itself does.
fn lock(conn: &mut DbConnection, tables: &[Table]) -> anyhow::Result<()> {
    if matches!(conn, DbConnection::Postgres(_)) {
        let names: Vec<String> = tables.iter().map(Table::quoted).collect();
        diesel::sql_query(format!("LOCK TABLE {} IN EXCLUSIVE MODE", names.join(", ")))
            .execute(conn)
            .context("could not lock the tables")?;
    }
    Ok(())
}

/// A SQLite file that did not exist before; removed with its `-wal` and `-shm` when dropped.
struct CreatedFile(Option<PathBuf>);

impl Drop for CreatedFile {
    fn drop(&mut self) {
        let Some(file) = &self.0 else { return };
        for suffix in ["", "-wal", "-shm"] {
            let mut path = file.clone().into_os_string();
            path.push(suffix);
            match std::fs::remove_file(&path) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    log::warn!(
                        "could not remove {}: {error}",
                        PathBuf::from(path).display()
                    );
                }
                _ => {}
            }
        }
    }
}
