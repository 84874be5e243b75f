//! `migrate`: runs migrations.

use clap::Args;

use super::{output::print, start};
use crate::config::Config;

#[derive(Args)]
pub(crate) struct Arguments {
    /// Change nothing; fail if migrations are pending
    #[arg(long)]
    check: bool,
}

pub(crate) fn run(config: &Config, arguments: &Arguments) -> anyhow::Result<()> {
    if arguments.check {
        start::check_migrated(&mut start::open_to_read(config.direct_url())?)?;
        print(format_args!("The database is up to date."))?;
        return Ok(());
    }
    let mut conn = start::open_to_write(config)?;
    match start::migrate(&mut conn)?.pending.len() {
        0 => print(format_args!("The database was up to date."))?,
        count => print(format_args!("Ran {count} migrations."))?,
    }
    Ok(())
}
