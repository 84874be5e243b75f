//! Whether a second build of the same source, from nothing, gives the same program.

use anyhow::{Result, ensure};
use sha2::{Digest, Sha256};
use xshell::cmd;

use super::engine::Engine;
use super::output;
use super::source::{Context, Source};
use super::trial::Runner;
use crate::machine::Machine;

/// Builds again without anything of the build behind `image`, and compares both programs byte for byte. Where they
/// differ both are left under `target/image`.
pub(super) fn run(
    machine: &Machine,
    engine: Engine,
    image: &str,
    source: &Source,
    context: &Context,
) -> Result<()> {
    let again = format!("{image}-again");
    let names = [again.clone()];
    engine.build(machine, source, &names, context.folder(), true)?;

    let runner = Runner::find(machine, engine)?;
    let folder = output(machine)?;
    let (one, two) = (folder.join("oc-lettings-1"), folder.join("oc-lettings-2"));
    runner.copy_program(image, &one)?;
    runner.copy_program(&again, &two)?;
    let tool = engine.to_string();
    machine.run(cmd!(machine.shell, "{tool} rmi {again}").ignore_stdout())?;

    let (first, second) = (std::fs::read(&one)?, std::fs::read(&two)?);
    ensure!(
        first == second,
        "two builds of {} differ: compare {} and {}",
        source.revision,
        one.display(),
        two.display()
    );
    machine.shell.remove_path(&one)?;
    machine.shell.remove_path(&two)?;
    println!(
        "built twice, the same program: sha256 {}",
        hex::encode(Sha256::digest(&first))
    );
    Ok(())
}
