//! Licences, sources and bans of dependencies, and which crate may depend on which, as `deny.toml` says.

use anyhow::Result;
use xshell::cmd;

use crate::machine::Machine;
use crate::tools;

/// Checks all that needs nothing from elsewhere.
pub(crate) fn run(machine: &Machine) -> Result<()> {
    let program = tools::cargo(machine, &tools::CARGO_DENY)?;
    machine.run(cmd!(
        machine.shell,
        "{program} --locked check --allow unused-wrapper --hide-inclusion-graph licenses bans sources"
    ))
}
