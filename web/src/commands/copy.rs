//! `copy`: copies every row from one database to another.

use anyhow::{Context, bail};
use clap::Args;
use clap::error::ErrorKind;
use oc_core::DatabaseUrl;

use super::{output::print, start};
use transfer::{Occupied, Snapshot, Source, Target, load};

/// Arguments of `copy`.
#[derive(Args)]
pub(crate) struct Arguments {
    /// The database to read: `sqlite://PATH` or `postgres://USER:PASSWORD@HOST/NAME`
    #[arg(long, value_name = "URL")]
    from: String,
    /// The database to fill, which must be empty
    #[arg(long, value_name = "URL")]
    to: String,
}

pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let url = |name, text| parse_url(name, text).unwrap_or_else(|error| error.exit());
    let from = &url("--from", &arguments.from);
    let to = &url("--to", &arguments.to);
    if from.is_same(to) {
        bail!("--from and --to name the same database, {from}");
    }
    let mut snapshot = Snapshot::new(start::open_to_read(from)?, env!("OC_REVISION"))
        .with_context(|| format!("could not read {from}"))?;
    load(Target::open(to)?, &mut snapshot, Occupied::Reject)
        .with_context(|| format!("could not copy {from} into {to}"))?;
    start::index(&mut start::open_existing(to)?)?;
    let header = snapshot.header();
    print(format_args!(
        "Copied {} rows of {} tables from {from} into {to}; every checksum matches.",
        header.rows(),
        header.tables.len()
    ))?;
    Ok(())
}

/// The URL of a database on the command line. An invalid value is not repeated, since it may contain a password.
fn parse_url(name: &str, text: &str) -> Result<DatabaseUrl, clap::Error> {
    text.parse().map_err(|error| {
        let message = format!("the value of {name} is not a database URL: {error}\n");
        clap::Error::raw(ErrorKind::ValueValidation, message)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_invalid_url_is_rejected_without_showing_its_password() {
        let error = parse_url("--from", "postgress://oc:hunter2@db/oc").unwrap_err();

        let message = error.to_string();
        assert_eq!(error.exit_code(), 2);
        assert!(message.contains("--from"), "{message}");
        assert!(
            message.contains("it must begin with sqlite://"),
            "{message}"
        );
        assert!(!message.contains("hunter2"), "{message}");
    }
}
