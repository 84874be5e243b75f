//! Tests with line coverage.

use anyhow::{Context as _, Result};
use xshell::cmd;

use crate::context::Context;
use crate::{checks, services, system_packages};

/// Minimum share of covered lines, in percent, over the crates that are part of the program.
const MINIMUM: &str = "--fail-under-lines=90";

/// Tools and build scripts, which are not part of the program.
const IGNORED: &str = r"--ignore-filename-regex=/(bench|soak|tests|xtask)/|/build\.rs$";

/// Runs all tests, prints the coverage of each file, and fails below the minimum.
pub(crate) fn run(context: &Context) -> Result<()> {
    let _browser = checks::prepare_tests(context)?;
    name_llvm_tools(context)?;
    // Tests kill programs, some while they write their profile: incomplete profiles don't count.
    let test = services::with_postgres(context)?
        .args(["cargo", "llvm-cov", "nextest", "--workspace", "--locked"])
        .arg(checks::FEATURES)
        .args(["--exclude=bench", "--exclude=soak", "--no-fail-fast"])
        .args(["--failure-mode=all", "--summary-only", MINIMUM, IGNORED]);
    context.run(test)
}

/// Names the system's LLVM tools if the toolchain has none; they must match the compiler's LLVM.
fn name_llvm_tools(context: &Context) -> Result<()> {
    let about = context.read(cmd!(context.shell, "rustc -vV"))?;
    let field = |name: &str| {
        let value = about.lines().find_map(|line| line.strip_prefix(name));
        value.with_context(|| format!("`rustc -vV` prints no {name}"))
    };
    let host = field("host: ")?;
    let sysroot = context.read(cmd!(context.shell, "rustc --print sysroot"))?;
    if context
        .shell
        .path_exists(format!("{sysroot}/lib/rustlib/{host}/bin/llvm-cov"))
    {
        return Ok(());
    }
    let major = field("LLVM version: ")?
        .split('.')
        .next()
        .unwrap_or_default();
    let check = format!("command -v llvm-cov-{major}");
    system_packages::require(context, &[(&check, &format!("llvm-{major}"))])?;
    context
        .shell
        .set_var("LLVM_COV", format!("llvm-cov-{major}"));
    context
        .shell
        .set_var("LLVM_PROFDATA", format!("llvm-profdata-{major}"));
    Ok(())
}
