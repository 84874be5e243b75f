//! `check`: is everything in place?

use anyhow::bail;
use clap::Args;
use oc_core::{migrations, version};

use super::{health, start, storage};
use crate::config::Config;

/// What `check` can be told.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Only ask the process that serves on this machine whether it is alive
    #[arg(long)]
    health: bool,
}

/// Goes through the settings, the database, write access and versions, and fails at the first trouble.
pub(crate) fn run(config: &Config, arguments: &Arguments) -> anyhow::Result<()> {
    if arguments.health {
        return health::ask(config);
    }
    storage::warn(config);
    println!(
        "settings: ok ({:?}, {})",
        config.environment, config.public_url
    );
    let mut conn = start::open_checked(&config.database_url)?;
    let (name, version) = version(&mut conn)?;
    println!("database: ok ({name} {version} at {})", config.database_url);
    let pending = migrations::status(&mut conn)?.pending;
    if !pending.is_empty() {
        bail!(
            "{} migrations are pending: {}; run `oc-lettings migrate`",
            pending.len(),
            pending.join(", ")
        );
    }
    println!("migrations: ok (none pending)");
    start::check_writable(&mut conn)?;
    println!("write access: ok");
    Ok(())
}
