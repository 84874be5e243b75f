//! `restore`: a backup into the database.

use std::path::PathBuf;

use anyhow::Context;
use clap::Args;

use super::start;
use crate::config::Config;
use transfer::{Occupied, Source, archive::Archive, load};

/// What `restore` can be told.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The backup to read
    file: PathBuf,
    /// Remove what the database holds, and put the backup in its place
    #[arg(long)]
    force: bool,
}

pub(crate) fn run(config: &Config, arguments: &Arguments) -> anyhow::Result<()> {
    // A whole reading first: a damaged file is refused before anything is touched.
    let (header, _) = Archive::verify(&arguments.file)?;
    let mut conn = start::open_checked(&config.database_url)?;
    let occupied = if arguments.force {
        Occupied::Replace
    } else {
        Occupied::Refuse
    };
    let mut archive = Archive::open(&arguments.file)?;
    load(&mut conn, &mut archive, occupied).with_context(|| {
        format!(
            "cannot restore {} into {}",
            arguments.file.display(),
            config.database_url
        )
    })?;
    println!(
        "Restored {} rows of {} tables into {}; every checksum is right.",
        archive.header().rows(),
        header.tables.len(),
        config.database_url
    );
    Ok(())
}
