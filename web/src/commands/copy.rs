//! `copy`: copies every row from one database to another.

use anyhow::{Context, bail};
use clap::Args;
use clap::builder::{TypedValueParser, ValueParserFactory};
use clap::error::ErrorKind;
use oc_core::DatabaseUrl;

use super::{output::print, start};
use transfer::{Occupied, Snapshot, Source, Target, load};

/// Arguments of `copy`.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The database to read: `sqlite://PATH` or `postgres://USER:PASSWORD@HOST/NAME`
    #[arg(long, value_name = "URL")]
    from: Address,
    /// The database to fill, which must be empty
    #[arg(long, value_name = "URL")]
    to: Address,
}

pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let (Address(from), Address(to)) = (&arguments.from, &arguments.to);
    if from.is_same(to) {
        bail!("--from and --to name the same database, {from}");
    }
    let mut source = start::open_to_read(from)?;
    let mut snapshot = Snapshot::new(&mut source, env!("OC_REVISION"))
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
#[derive(Debug, Clone)]
struct Address(DatabaseUrl);

#[derive(Clone)]
struct AddressParser;

impl ValueParserFactory for Address {
    type Parser = AddressParser;

    fn value_parser() -> AddressParser {
        AddressParser
    }
}

impl TypedValueParser for AddressParser {
    type Value = Address;

    fn parse_ref(
        &self,
        command: &clap::Command,
        argument: Option<&clap::Arg>,
        value: &std::ffi::OsStr,
    ) -> Result<Address, clap::Error> {
        let text = value.to_str().unwrap_or_default();
        text.parse().map(Address).map_err(|error| {
            let name = argument.map(ToString::to_string).unwrap_or_default();
            clap::Error::raw(
                ErrorKind::ValueValidation,
                format!("the value of {name} is not a database URL: {error}\n"),
            )
            .with_cmd(command)
        })
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        arguments: Arguments,
    }

    #[test]
    fn an_invalid_url_is_rejected_without_showing_its_password() {
        let error = Line::try_parse_from([
            "copy",
            "--from",
            "postgress://oc:hunter2@db/oc",
            "--to",
            "sqlite://a.sqlite3",
        ])
        .unwrap_err();

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
