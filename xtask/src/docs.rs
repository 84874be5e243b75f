//! The documentation of the code.

use anyhow::Result;
use xshell::cmd;

use crate::machine::Machine;
use crate::needs;

/// Builds it, with what is private: those who read it work on the code.
pub(crate) fn run(machine: &Machine) -> Result<()> {
    needs::require(machine, &needs::BUILD)?;
    machine.run(
        cmd!(
            machine.shell,
            "cargo doc --workspace --no-deps --locked --document-private-items"
        )
        .env("RUSTDOCFLAGS", "-D warnings"),
    )
}
