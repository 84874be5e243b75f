//! `demo`: fills the database with demo data.

use anyhow::Context;
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use oc_core::DbConnection;

use super::{output::print, start};
use crate::config::Config;

#[derive(Args)]
pub(crate) struct Arguments {
    /// Number of lettings
    #[arg(long, value_name = "N", default_value_t = lettings::demo::LETTINGS,
          value_parser = clap::value_parser!(i64).range(0..=100_000_000))]
    lettings: i64,
}

pub(crate) fn run(config: &Config, arguments: &Arguments) -> anyhow::Result<()> {
    let mut conn = start::open_to_write(config)?;
    start::migrate(&mut conn)?;
    fill(&mut conn, arguments.lettings)?;
    print(format_args!(
        "The database contains the demo data: {} lettings, 8 profiles.",
        arguments.lettings
    ))
}

/// Adds the demo data, with a progress bar on a terminal.
pub(super) fn fill(conn: &mut DbConnection, count: i64) -> anyhow::Result<()> {
    let style =
        ProgressStyle::with_template("{bar:40} {human_pos} of {human_len} lettings, {eta} left")
            .context("invalid template of the progress bar")?;
    let bar = ProgressBar::new(count.unsigned_abs()).with_style(style);
    lettings::demo::fill(conn, count, |done| bar.set_position(done.unsigned_abs()))
        .context("cannot add the demo data")?;
    bar.finish_and_clear();
    let hosts = profiles::demo::fill(conn).context("cannot add the demo profiles")?;
    lettings::demo::add_hosts(conn, &hosts).context("cannot add the hosts of the demo lettings")
}
