//! What several commands do first.

use anyhow::{Context, bail};
use diesel::RunQueryDsl;
use oc_core::{DatabaseUrl, DbConnection, check_version, migrations, open, open_read_only};

use crate::config::Config;

/// Opens the database, and refuses one that is too old to be safe.
pub(super) fn open_checked(url: &DatabaseUrl) -> anyhow::Result<DbConnection> {
    let mut conn = open(url)?;
    check_version(&mut conn, url)?;
    Ok(conn)
}

/// The same for a database that is only read.
pub(super) fn open_checked_read_only(url: &DatabaseUrl) -> anyhow::Result<DbConnection> {
    let mut conn = open_read_only(url)?;
    check_version(&mut conn, url)?;
    Ok(conn)
}

/// Opens a database that must be there already, to look at it: for writing too, where that is allowed.
pub(super) fn open_to_look(config: &Config) -> anyhow::Result<DbConnection> {
    if config.read_only {
        open_checked_read_only(&config.database_url)
    } else {
        open_existing(&config.database_url)
    }
}

/// Opens a database that must exist, for reading only: it may be on read-only storage, or of a user who may only read.
pub(super) fn open_to_read(url: &DatabaseUrl) -> anyhow::Result<DbConnection> {
    check_exists(url)?;
    open_checked_read_only(url)
}

/// Refuses a command that writes where nothing may be written.
pub(crate) fn check_may_write(config: &Config) -> anyhow::Result<()> {
    if config.read_only {
        bail!(
            "READ_ONLY is true, and this command writes to the database; unset it for this command"
        );
    }
    Ok(())
}

/// Opens a database that must be there already: SQLite would make an empty one of a wrong path.
pub(super) fn open_existing(url: &DatabaseUrl) -> anyhow::Result<DbConnection> {
    check_exists(url)?;
    open_checked(url)
}

fn check_exists(url: &DatabaseUrl) -> anyhow::Result<()> {
    let missing = url.file().filter(|file| !file.exists());
    // Where the folder is missing too, SQLite makes nothing and says so itself.
    if missing.is_some() && url.folder().is_some_and(|folder| folder.exists()) {
        bail!("there is no database at {url}");
    }
    Ok(())
}

/// Brings the database up to date, and tells what it lacked.
pub(super) fn migrate(conn: &mut DbConnection) -> anyhow::Result<migrations::Status> {
    let status = migrations::migrate(conn).context("cannot bring the database up to date")?;
    for version in &status.pending {
        log::info!("migrated to {version}");
    }
    if let Some(version) = status.unknown.last() {
        log::warn!(
            "a newer program has migrated the database to {version}; this one can work with it"
        );
    }
    Ok(status)
}

/// Takes the right to write and gives it back: fails where the site could read but never save.
pub(super) fn check_writable(conn: &mut DbConnection) -> anyhow::Result<()> {
    conn.write(|conn| {
        if matches!(conn, DbConnection::Postgres(_)) {
            diesel::sql_query("CREATE TEMPORARY TABLE write_check (id INTEGER) ON COMMIT DROP")
                .execute(conn)?;
        }
        Ok::<_, diesel::result::Error>(())
    })
    .context("cannot write to the database")
}
