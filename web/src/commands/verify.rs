//! `verify`: checks a backup.

use std::path::PathBuf;

use clap::Args;

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
    println!(
        "{}: a backup of {}, written {} by version {} ({})",
        arguments.file.display(),
        header.database,
        header.created_at,
        header.program,
        header.revision
    );
    if let Some(newest) = header.migrations.last() {
        println!("migrations: {}, the last {newest}", header.migrations.len());
    }
    for (table, digest) in header.tables.iter().zip(&digests) {
        println!(
            "{:<24} {:>12} rows  sha256 {}",
            table.name, digest.rows, digest.sha256
        );
    }
    println!(
        "The backup is complete: {} rows of {} tables, every row count and checksum matches.",
        header.rows(),
        header.tables.len()
    );
    Ok(())
}
