//! `migrate`: runs migrations.

use clap::Args;

use super::start;
use crate::config::Config;

#[derive(Args)]
pub(crate) struct Arguments {
    /// Change nothing; fail if migrations are pending
    #[arg(long)]
    pub(crate) check: bool,
}

pub(crate) fn run(config: &Config, arguments: &Arguments) -> anyhow::Result<()> {
    if arguments.check {
        start::check_migrated(&mut start::open_to_inspect(config)?)?;
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
