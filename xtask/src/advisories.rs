//! Known security holes in dependencies.

use anyhow::Result;
use xshell::cmd;

use crate::ci::Outcome;
use crate::machine::Machine;
use crate::{needs, tools};

/// Fetches the advisory database and checks against it; where it is out of reach, says so.
pub(crate) fn run(machine: &Machine) -> Result<Outcome> {
    let program = tools::cargo(machine, &tools::CARGO_DENY)?;
    needs::require(machine, &needs::GIT)?;
    if let Err(error) = machine.run(cmd!(machine.shell, "{program} --locked fetch db")) {
        eprintln!("advisories: not checked (the database could not be fetched: {error})");
        return Ok(Outcome::NotChecked);
    }
    machine.run(cmd!(
        machine.shell,
        "{program} --locked check --disable-fetch advisories"
    ))?;
    Ok(Outcome::Done)
}
