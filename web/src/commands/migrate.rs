//! `migrate`: bring the database up to date.

use anyhow::bail;
use clap::Args;
use oc_core::migrations;

use super::start;
use crate::config::Config;

/// What `migrate` can be told.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Change nothing; fail when something is pending
    #[arg(long)]
    pub(crate) check: bool,
}

pub(crate) fn run(config: &Config, arguments: &Arguments) -> anyhow::Result<()> {
    if arguments.check {
        let mut conn = start::open_to_look(config)?;
        let pending = migrations::status(&mut conn)?.pending;
        if !pending.is_empty() {
            bail!(
                "{} migrations are pending: {}",
                pending.len(),
                pending.join(", ")
            );
        }
        println!("The database is up to date.");
        return Ok(());
    }
    let mut conn = start::open_checked(&config.database_url)?;
    match start::migrate(&mut conn)?.pending.len() {
        0 => println!("The database was up to date."),
        count => println!("Ran {count} migrations."),
    }
    Ok(())
}
