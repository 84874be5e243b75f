//! `serve`: the site.

use anyhow::{Context, bail};
use clap::Args;
use oc_core::{DbConnection, connect_pool, connect_read_only_pool, migrations};

use super::{demo, start, storage};
use crate::config::{Config, Environment};
use crate::server;

/// What `serve` can be told.
#[derive(Debug, Default, Args)]
pub(crate) struct Arguments {
    /// Do not bring the database up to date; stop when something is pending
    #[arg(long)]
    no_migrate: bool,
}

pub(crate) fn run(config: &Config, arguments: &Arguments) -> anyhow::Result<()> {
    if config.read_only {
        return run_read_only(config);
    }
    storage::warn(config);
    let mut conn = start::open_checked(&config.database_url)?;
    if arguments.no_migrate {
        check_migrated(&mut conn)?;
    } else {
        let status = start::migrate(&mut conn)?;
        if status.brand_new
            && !status.pending.is_empty()
            && config.environment == Environment::Development
        {
            demo::fill(&mut conn, lettings::demo::LETTINGS)?;
            log::info!("a brand-new database: the demo data was put in");
        }
    }
    start::check_writable(&mut conn)?;
    drop(conn);
    let pool = connect_pool(config.database_url.clone(), config.database_pool_size)
        .with_context(|| format!("cannot open the database {}", config.database_url))?;
    actix_web::rt::System::new().block_on(server::run(config, pool))
}

/// Serves what is there, and changes nothing.
fn run_read_only(config: &Config) -> anyhow::Result<()> {
    let mut conn = start::open_checked_read_only(&config.database_url)?;
    check_migrated(&mut conn)?;
    drop(conn);
    let pool = connect_read_only_pool(config.database_url.clone(), config.database_pool_size)
        .with_context(|| format!("cannot open the database {}", config.database_url))?;
    log::info!("READ_ONLY is set: nothing can be changed");
    actix_web::rt::System::new().block_on(server::run(config, pool))
}

fn check_migrated(conn: &mut DbConnection) -> anyhow::Result<()> {
    let pending = migrations::status(conn)?.pending;
    if !pending.is_empty() {
        bail!(
            "{} migrations are pending: {}; run `oc-lettings migrate`",
            pending.len(),
            pending.join(", ")
        );
    }
    Ok(())
}
