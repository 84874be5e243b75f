//! `backup`: every row into one file, while the site goes on.

use std::path::PathBuf;

use anyhow::Context;
use clap::Args;

use super::start;
use crate::config::Config;
use transfer::{Snapshot, Source, archive};

/// What `backup` can be told.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The file to write
    file: PathBuf,
    /// Replace the file where there is one already
    #[arg(long)]
    force: bool,
}

pub(crate) fn run(config: &Config, arguments: &Arguments) -> anyhow::Result<()> {
    let mut conn = start::open_existing(&config.database_url)?;
    let mut snapshot = Snapshot::new(&mut conn, env!("OC_REVISION"))?;
    archive::write(&arguments.file, &mut snapshot, arguments.force)?;
    let bytes = std::fs::metadata(&arguments.file)
        .with_context(|| format!("cannot read {}", arguments.file.display()))?
        .len();
    let header = snapshot.header();
    println!(
        "Backed up {} rows of {} tables to {} ({bytes} bytes).",
        header.rows(),
        header.tables.len(),
        arguments.file.display()
    );
    Ok(())
}
