//! Dependencies that nothing uses.

use anyhow::Result;
use xshell::cmd;

use crate::machine::Machine;
use crate::tools;

/// Looks for the name of every dependency in the sources of its crate.
pub(crate) fn run(machine: &Machine) -> Result<()> {
    let program = tools::cargo(machine, &tools::CARGO_MACHETE)?;
    machine.run(cmd!(machine.shell, "{program} --skip-target-dir"))
}
