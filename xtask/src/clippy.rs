//! Lints; those that we chose are in the root manifest and in `clippy.toml`.

use anyhow::Result;
use xshell::cmd;

use crate::machine::Machine;
use crate::needs;

/// Lints all targets of all crates.
pub(crate) fn run(machine: &Machine) -> Result<()> {
    needs::require(machine, &needs::BUILD)?;
    machine.run(cmd!(
        machine.shell,
        "cargo clippy --workspace --all-targets --locked -- -D warnings"
    ))
}
