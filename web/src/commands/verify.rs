//! `verify`: checks a backup.

use std::path::PathBuf;

use clap::Args;

use super::output::print;
use transfer::Input;
use transfer::archive::Archive;

/// Arguments of `verify`.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The backup to read; - for standard input
    file: PathBuf,
}

pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let (header, digests) = Archive::verify(&Input::open(&arguments.file)?)?;
    print(format_args!(
        "{}: a backup of {}, written {} by version {} ({})",
        arguments.file.display(),
        header.database,
        header.created_at,
        header.program,
        header.revision
    ))?;
    if let Some(newest) = header.migrations.last() {
        print(format_args!(
            "migrations: {}, the last {newest}",
            header.migrations.len()
        ))?;
    }
    for (table, digest) in header.tables.iter().zip(&digests) {
        print(format_args!(
            "{:<24} {:>12} rows  sha256 {}",
            table.name, digest.rows, digest.sha256
        ))?;
    }
    print(format_args!(
        "The backup is complete: {} rows of {} tables, every row count and checksum matches.",
        header.rows(),
        header.tables.len()
    ))
}
