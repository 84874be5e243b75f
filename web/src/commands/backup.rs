//! `backup`: writes every row to a file while the site keeps running.

use std::path::{Path, PathBuf};

use clap::Args;
use transfer::{Snapshot, Source, archive};

use super::{output::print, start};
use crate::config::Config;

/// Arguments of `backup`.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The file to write; - for standard output
    file: PathBuf,
    /// Overwrite the file if it exists
    #[arg(long)]
    force: bool,
}

pub(crate) fn run(config: &Config, Arguments { file, force }: &Arguments) -> anyhow::Result<()> {
    let conn = start::open_to_read(config.direct_url())?;
    let mut snapshot = Snapshot::new(conn, env!("OC_REVISION"))?;
    archive::write(file, &mut snapshot, *force)?;
    let header = snapshot.header();
    let summary = format!(
        "Backed up {} rows of {} tables to {}.",
        header.rows(),
        header.tables.len(),
        file.display()
    );
    // `/dev/stdout` is standard output too.
    if file == Path::new("-") || file.starts_with("/dev") {
        eprintln!("{summary}");
    } else {
        print(format_args!("{summary}"))?;
    }
    Ok(())
}
