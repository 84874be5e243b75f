//! `verify`: is a backup whole?

use std::path::PathBuf;

use clap::Args;

use transfer::archive::Archive;

/// What `verify` can be told.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The backup to read
    file: PathBuf,
}

pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let (header, digests) = Archive::verify(&arguments.file)?;
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
        "The backup is whole: {} rows of {} tables, every count and checksum is right.",
        header.rows(),
        header.tables.len()
    );
    Ok(())
}
