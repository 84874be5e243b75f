//! Formatting.

use anyhow::Result;
use xshell::cmd;

use crate::machine::Machine;

#[derive(clap::Args)]
pub(crate) struct Args {
    /// Only tell what is not formatted.
    #[arg(long)]
    pub(crate) check: bool,
}

/// Formats every crate, or checks it.
pub(crate) fn run(machine: &Machine, args: &Args) -> Result<()> {
    let check = args.check.then_some("--check");
    machine.run(cmd!(machine.shell, "cargo fmt --all {check...}"))
}
