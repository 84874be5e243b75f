//! Spelling; words that only look wrong are in `typos.toml`.

use anyhow::Result;
use xshell::cmd;

use crate::machine::Machine;
use crate::tools;

/// Reads every file of the project.
pub(crate) fn run(machine: &Machine) -> Result<()> {
    let program = tools::python(machine, &tools::TYPOS)?;
    machine.run(cmd!(machine.shell, "{program}"))
}
