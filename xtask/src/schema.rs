//! Each crate's `schema.rs`, printed by diesel's command line from a migrated PostgreSQL database, as `diesel.toml` says.

use anyhow::Result;
use xshell::cmd;

use crate::machine::Machine;
use crate::{needs, postgres, tools};

#[derive(clap::Args)]
pub(crate) struct Args {
    /// Only tell whether a file is out of date.
    #[arg(long)]
    pub(crate) check: bool,
}

/// Runs the migrations on a new database and prints the files from it, or holds them against it.
pub(crate) fn run(machine: &Machine, args: &Args) -> Result<()> {
    needs::require(machine, &needs::BUILD)?;
    let diesel = tools::cargo(machine, &tools::DIESEL_CLI)?;
    let server = postgres::start_private(machine)?;
    let url = &server.url;
    let lock = args.check.then_some("--locked-schema");
    machine.run(cmd!(machine.shell, "{diesel} migration run {lock...}").env("DATABASE_URL", url))
}
