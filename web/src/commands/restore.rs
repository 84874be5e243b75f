//! `restore`: loads a backup into the database.

use std::path::PathBuf;

use anyhow::Context;
use clap::Args;
use transfer::archive::Archive;
use transfer::{Input, Occupied, Target, load};

use super::{output::print, start};
use crate::config::Config;

/// Arguments of `restore`.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The backup to read; - for standard input
    file: PathBuf,
    /// Replace everything in the database with the backup
    #[arg(long)]
    force: bool,
}

pub(crate) fn run(config: &Config, arguments: &Arguments) -> anyhow::Result<()> {
    start::check_not_read_only(config)?;
    let input = Input::open(&arguments.file)?;
    // Read in full first, so that a damaged file is rejected before anything changes.
    let (header, _) = Archive::verify(&input)?;
    let occupied = if arguments.force {
        Occupied::Replace
    } else {
        Occupied::Reject
    };
    let url = config.direct_url();
    load(Target::open(url)?, &mut Archive::open(&input)?, occupied)
        .with_context(|| format!("could not restore {} into {url}", arguments.file.display()))?;
    start::index(&mut start::open_existing(url)?)?;
    print(format_args!(
        "Restored {} rows of {} tables into {url}; every checksum matches.",
        header.rows(),
        header.tables.len()
    ))?;
    Ok(())
}
