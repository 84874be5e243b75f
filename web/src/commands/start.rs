//! Opening and checking the database, for several commands.

use anyhow::{Context, bail, ensure};
use lettings::{index, stores_text};
use oc_core::{DatabaseUrl, DbConnection, keeps_sessions, migrations, open, open_read_only};

use crate::config::Config;

/// Why searches in large tables are slow.
pub(super) const NO_TRIGRAMS: &str = "searches are slow: the extension pg_trgm is missing; \
     run `CREATE EXTENSION pg_trgm` as a superuser, then `oc-lettings migrate`";

/// Opens an existing database as the site does: for reading only if `READ_ONLY` is set.
pub(super) fn open_to_inspect(config: &Config) -> anyhow::Result<DbConnection> {
    if config.read_only {
        Ok(open_read_only(config.direct_url())?)
    } else {
        open_existing(config.direct_url())
    }
}

/// Opens an existing database for reading only: storage and user may be read-only.
pub(super) fn open_to_read(url: &DatabaseUrl) -> anyhow::Result<DbConnection> {
    check_exists(url)?;
    Ok(open_read_only(url)?)
}

/// Opens an existing database.
pub(super) fn open_existing(url: &DatabaseUrl) -> anyhow::Result<DbConnection> {
    check_exists(url)?;
    Ok(open(url)?)
}

/// Fails if a SQLite file is missing, because opening would create it.
fn check_exists(url: &DatabaseUrl) -> anyhow::Result<()> {
    if let Some(file) = url.file().filter(|file| !file.exists()) {
        let folder = file.parent().unwrap_or(&file);
        let has_folder = folder.as_os_str().is_empty() || folder.exists();
        // SQLite reports a missing folder.
        ensure!(!has_folder, "there is no database at {url}");
    }
    Ok(())
}

/// Fails if a setting names a pooler in transaction mode where the site needs sessions.
pub(super) fn check_sessions(config: &Config) -> anyhow::Result<()> {
    let url = config.direct_url();
    // A new SQLite file is not there yet.
    if url.file().is_none() && !keeps_sessions(url)? {
        bail!(match config.database_direct_url {
            None =>
                "DATABASE_URL is a pooler in transaction mode; set DATABASE_DIRECT_URL to the database behind it",
            Some(_) =>
                "DATABASE_DIRECT_URL is a pooler in transaction mode; set it to the database behind it",
        });
    }
    Ok(())
}

/// Opens the database for changes; creates a missing file.
pub(super) fn open_to_write(config: &Config) -> anyhow::Result<DbConnection> {
    check_not_read_only(config)?;
    Ok(open(config.direct_url())?)
}

/// Fails if `READ_ONLY` is set.
pub(super) fn check_not_read_only(config: &Config) -> anyhow::Result<()> {
    ensure!(
        !config.read_only,
        "READ_ONLY is true, and this command writes to the database; unset it for this command"
    );
    Ok(())
}

/// Runs migrations; returns the status before.
pub(super) fn migrate(conn: &mut DbConnection) -> anyhow::Result<migrations::Status> {
    let status = migrations::migrate(conn).context("cannot run migrations")?;
    for version in &status.pending {
        log::info!("migrated to {version}");
    }
    if let Some(version) = status.unknown.last() {
        log::warn!("a newer program migrated the database to {version}, which is compatible");
    }
    index(conn)?;
    Ok(status)
}

/// Updates the search index, for what other tools or bulk commands have changed.
pub(super) fn index(conn: &mut DbConnection) -> anyhow::Result<()> {
    if !index::has_trigrams(conn).context("cannot check the search index")? {
        log::warn!("{NO_TRIGRAMS}");
    }
    if index::catch_up(conn).context("cannot update the search index")? {
        log::info!("updated the search index");
    }
    Ok(())
}

/// Fails if migrations are pending.
pub(super) fn check_migrated(conn: &mut DbConnection) -> anyhow::Result<()> {
    let pending = migrations::status(conn)?.pending;
    ensure!(
        pending.is_empty(),
        "{} migrations are pending: {}; run `oc-lettings migrate`",
        pending.len(),
        pending.join(", ")
    );
    Ok(())
}

/// Fails if the database cannot be written or changes text.
pub(super) fn check_writable(conn: &mut DbConnection) -> anyhow::Result<()> {
    ensure!(
        stores_text(conn).context("cannot write to the database")?,
        "the database changes text: its encoding must be UTF-8"
    );
    Ok(())
}
