//! Tests with line coverage.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;
use xshell::cmd;

use crate::context::Context;
use crate::{checks, services, system_packages};

/// Minimum share of covered lines, in percent, over the crates that are part of the program.
const MINIMUM: u64 = 90;

/// Runs all tests, prints the coverage of each crate, and fails below the minimum.
pub(crate) fn run(context: &Context) -> Result<()> {
    let browser = checks::prepare_tests(context)?;
    name_llvm_tools(context)?;
    let report = context.root.join("target/coverage.json");
    // Tests kill programs, some while they write their profile: incomplete profiles don't count.
    let test = services::with_postgres(context)?
        .args(["cargo", "llvm-cov", "nextest", "--workspace", "--locked"])
        .arg(checks::FEATURES)
        .args(["--exclude=bench", "--exclude=soak", "--no-fail-fast"])
        .args(["--failure-mode=all", "--json", "--summary-only"])
        .arg("--output-path")
        .arg(&report);
    context.run(test)?;
    drop(browser);

    let crates = by_crate(&context.shell.read_file(&report)?, &context.root)?;
    let (mut lines, mut covered) = (0, 0);
    for (name, figures) in &crates {
        print(name, *figures);
        lines += figures.0;
        covered += figures.1;
    }
    print("total", (lines, covered));
    ensure!(
        lines > 0 && covered * 100 >= lines * MINIMUM,
        "less than {MINIMUM} % of the lines are covered"
    );
    Ok(())
}

fn print(name: &str, (lines, covered): (u64, u64)) {
    let per_mille = covered * 1000 / lines.max(1);
    let (percent, tenth) = (per_mille / 10, per_mille % 10);
    println!("{name:<24} {percent:>3}.{tenth} % of {lines:>5} lines");
}

/// Lines, and covered lines, of each crate's `src`, without the tools of this project.
fn by_crate(report: &str, root: &Path) -> Result<BTreeMap<String, (u64, u64)>> {
    let report: Value = serde_json::from_str(report)?;
    let files = report["data"][0]["files"]
        .as_array()
        .context("the report lists no files")?;
    let mut crates: BTreeMap<String, (u64, u64)> = BTreeMap::new();
    for file in files {
        let path = Path::new(file["filename"].as_str().context("a file has no name")?);
        let Some((name, _)) = path
            .strip_prefix(root)
            .ok()
            .and_then(Path::to_str)
            .and_then(|path| path.split_once("/src/"))
        else {
            continue;
        };
        if name != "xtask" {
            let lines = &file["summary"]["lines"];
            let count = |key: &str| lines[key].as_u64().unwrap_or_default();
            let sum = crates.entry(name.to_owned()).or_default();
            sum.0 += count("count");
            sum.1 += count("covered");
        }
    }
    Ok(crates)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_summed_by_crate_without_tests_and_tools() -> Result<()> {
        let report = r#"{"data": [{"files": [
            {"filename": "/p/web/src/app.rs", "summary": {"lines": {"count": 50, "covered": 42}}},
            {"filename": "/p/web/src/admin/list.rs", "summary": {"lines": {"count": 20, "covered": 18}}},
            {"filename": "/p/web/build.rs", "summary": {"lines": {"count": 500, "covered": 0}}},
            {"filename": "/p/xtask/src/main.rs", "summary": {"lines": {"count": 500, "covered": 0}}}
        ]}]}"#;

        let crates = by_crate(report, Path::new("/p"))?;

        assert_eq!(crates, BTreeMap::from([("web".to_owned(), (70, 60))]));
        Ok(())
    }
}
