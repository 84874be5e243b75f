//! `serve`: serves the site.

use anyhow::Context;
use clap::Args;
use oc_core::{open, open_read_only};

use super::{demo, start};
use crate::config::{Config, Environment};
use crate::server;

#[derive(Default, Args)]
pub(crate) struct Arguments {
    /// Don't run migrations; fail if some are pending
    #[arg(long)]
    no_migrate: bool,
}

pub(crate) fn run(config: &Config, arguments: &Arguments) -> anyhow::Result<()> {
    start::check_sessions(config)?;
    if config.read_only {
        start::check_migrated(&mut open_read_only(config.direct_url())?)?;
        log::info!("READ_ONLY is set: nothing can be changed");
    } else {
        prepare(config, arguments)?;
    }
    let pool = config.pool();
    let pool = pool.with_context(|| format!("cannot open the database {}", config.database_url))?;
    actix_web::rt::System::new().block_on(server::run(config, pool))
}

/// Runs migrations, and adds the demo data to a new database in development.
fn prepare(config: &Config, arguments: &Arguments) -> anyhow::Result<()> {
    let mut conn = open(config.direct_url())?;
    if arguments.no_migrate {
        start::check_migrated(&mut conn)?;
    } else {
        let status = start::migrate(&mut conn)?;
        let is_new = status.brand_new && !status.pending.is_empty();
        if is_new && config.environment == Environment::Development {
            demo::fill(&mut conn, lettings::demo::LETTINGS)?;
            log::info!("new database: loaded demo data");
        }
    }
    start::check_writable(&mut conn)
}
