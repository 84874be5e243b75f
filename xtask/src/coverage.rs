//! The same tests, with a count of the lines that they reach.

use anyhow::{Context, Result, ensure};
use xshell::cmd;

use crate::figures::{Figure, figures};
use crate::machine::Machine;
use crate::{needs, services, tools};

/// The least share of lines, in percent, over all that ships.
const FLOOR: u64 = 90;

/// Runs the tests, prints a figure for each crate and for all, and fails below the floor.
pub(crate) fn run(machine: &Machine) -> Result<()> {
    let program = tools::cargo(machine, &tools::CARGO_LLVM_COV)?;
    name_llvm_tools(machine)?;
    let report = machine.root.join("target/coverage.json");
    let services = services::start(machine)?;
    // Tests kill programs, some while they write down what they ran through: what is cut off does not count.
    let how = [
        "--failure-mode=all",
        "--json",
        "--summary-only",
        "--no-fail-fast",
        "--output-path",
    ];
    machine.run(cmd!(
        machine.shell,
        "{program} llvm-cov --workspace --locked {how...} {report}"
    ))?;
    drop(services);

    let figures = figures(&machine.shell.read_file(&report)?, &machine.root)?;
    println!();
    for figure in &figures {
        println!("{figure}");
    }
    let total = Figure::total(&figures);
    println!("{total}");
    ensure!(
        total.reaches(FLOOR),
        "the tests reach fewer than {FLOOR} % of the lines"
    );
    Ok(())
}

/// Names the system's LLVM tools where the Rust toolchain brings none; they must be of the compiler's version.
fn name_llvm_tools(machine: &Machine) -> Result<()> {
    let about = machine.read(cmd!(machine.shell, "rustc -vV"))?;
    let field = |name: &str| {
        about
            .lines()
            .find_map(|line| line.strip_prefix(name))
            .context("rustc says no such thing")
    };
    let host = field("host: ")?;
    let sysroot = machine.read(cmd!(machine.shell, "rustc --print sysroot"))?;
    if machine
        .shell
        .path_exists(format!("{sysroot}/lib/rustlib/{host}/bin/llvm-cov"))
    {
        return Ok(());
    }
    let version = field("LLVM version: ")?;
    let major = version.split('.').next().unwrap_or(version);
    needs::require(machine, &needs::llvm(major))?;
    machine
        .shell
        .set_var("LLVM_COV", format!("llvm-cov-{major}"));
    machine
        .shell
        .set_var("LLVM_PROFDATA", format!("llvm-profdata-{major}"));
    Ok(())
}
