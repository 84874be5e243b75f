//! What the workflows of both services say, against each other and against the tool that they call.

use std::collections::BTreeSet;
use std::fs;

use anyhow::Context;
use clap::Parser;
use serde_json::Value;

use super::*;
use crate::variables::{self, DOCKERHUB_TOKEN, DOCKERHUB_USERNAME, RENDER_API_KEY};

const DEPLOYS: [&str; 3] = ["deploy-heroku", "deploy-render", "deploy-vps"];

fn read(file: &str) -> Result<String> {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
    fs::read_to_string(format!("{root}/{file}")).context(file.to_owned())
}

fn yaml(file: &str) -> Result<Value> {
    Ok(serde_saphyr::from_str(&read(file)?)?)
}

/// Every command line in a tree of steps.
fn lines(value: &Value) -> Vec<String> {
    match value {
        Value::Object(map) => map
            .iter()
            .flat_map(|(key, value)| match value {
                Value::String(text) if key == "run" || key == "command" => {
                    text.lines().map(str::to_owned).collect()
                }
                value => lines(value),
            })
            .collect(),
        Value::Array(list) => list.iter().flat_map(lines).collect(),
        _ => Vec::new(),
    }
}

/// The chores that a job calls, in order.
fn chores(job: &Value) -> Vec<String> {
    let ours = |line: String| line.trim().strip_prefix("cargo xtask ").map(str::to_owned);
    lines(job).into_iter().filter_map(ours).collect()
}

fn needs(value: &Value) -> Vec<&str> {
    match value {
        Value::String(one) => vec![one],
        Value::Array(list) => list.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    }
}

#[test]
fn every_command_that_a_workflow_calls_exists() -> Result<()> {
    for file in [GITHUB, CIRCLECI] {
        let jobs = &yaml(file)?["jobs"];
        let jobs = jobs.as_object().context("no jobs")?;
        for (name, job) in jobs {
            let chores = chores(job);

            assert!(!chores.is_empty(), "{file}: {name} calls nothing of ours");
            for chore in chores {
                let words = chore.split(' ').map(|word| word.trim_matches('"'));
                let parsed = crate::Cli::try_parse_from(["xtask"].into_iter().chain(words));
                assert!(parsed.is_ok(), "{file}: {name}: {chore}");
            }
        }
    }
    Ok(())
}

#[test]
fn both_services_do_the_same_in_each_stage() -> Result<()> {
    let (github, circleci) = (yaml(GITHUB)?, yaml(CIRCLECI)?);
    for job in ["test", "lint"] {
        assert_eq!(
            chores(&github["jobs"][job]),
            chores(&circleci["jobs"][job]),
            "{job}"
        );
    }
    for deploy in DEPLOYS {
        let target = deploy.trim_start_matches("deploy-");
        for workflow in [&github, &circleci] {
            let chores = chores(&workflow["jobs"][deploy]);
            assert!(
                chores[0].starts_with(&format!("deploy {target} --sha ")),
                "{chores:?}"
            );
        }
    }
    Ok(())
}

#[test]
fn only_the_default_branch_is_built_and_deployed() -> Result<()> {
    let github = yaml(GITHUB)?;
    let jobs = &github["jobs"];
    for job in ["test", "lint"] {
        assert_eq!(
            jobs[job]["if"],
            Value::Null,
            "{job} runs for every push and pull request"
        );
    }
    assert!(github["on"].get("pull_request").is_some() && github["on"]["push"].is_object());
    for job in ["build"].into_iter().chain(DEPLOYS) {
        let rule = jobs[job]["if"].as_str().unwrap_or_default();
        let default = "github.event_name == 'push' && github.ref_name == github.event.repository.default_branch";
        assert!(rule.starts_with(default), "{job}: {rule}");
    }

    let circleci = yaml(CIRCLECI)?;
    let jobs = circleci["workflows"]["pipeline"]["jobs"]
        .as_array()
        .context("no jobs")?;
    for job in jobs {
        match job {
            Value::String(name) => assert!(["test", "lint"].contains(&name.as_str())),
            job => {
                let (name, rules) = job
                    .as_object()
                    .and_then(|job| job.iter().next())
                    .context("no job")?;
                assert_eq!(rules["filters"]["branches"]["only"], "main", "{name}");
            }
        }
    }
    Ok(())
}

#[test]
fn tests_and_lints_come_before_the_image_and_that_before_deploys() -> Result<()> {
    let github = yaml(GITHUB)?;
    assert_eq!(needs(&github["jobs"]["build"]["needs"]), ["test", "lint"]);
    for deploy in DEPLOYS {
        let job = &github["jobs"][deploy];
        assert_eq!(needs(&job["needs"]), ["build"]);
        let target = deploy.trim_start_matches("deploy-");
        let rule = job["if"].as_str().unwrap_or_default();
        assert!(
            rule.ends_with(&format!("needs.build.outputs.{target} == 'true'")),
            "{rule}"
        );
    }

    let circleci = yaml(CIRCLECI)?;
    let jobs = circleci["workflows"]["pipeline"]["jobs"]
        .as_array()
        .context("no jobs")?;
    let requires = |name: &str| {
        jobs.iter()
            .find_map(|job| job.get(name))
            .map(|job| needs(&job["requires"]))
    };
    assert_eq!(requires("build"), Some(vec!["test", "lint"]));
    for deploy in DEPLOYS {
        assert_eq!(requires(deploy), Some(vec!["build"]));
    }
    Ok(())
}

#[test]
fn a_running_deploy_is_never_cancelled_and_an_old_check_is() -> Result<()> {
    let github = yaml(GITHUB)?;
    assert_eq!(
        github["concurrency"],
        Value::Null,
        "it would cancel deploys too"
    );
    for (name, job) in github["jobs"].as_object().context("no jobs")? {
        let is_deploy = DEPLOYS.contains(&name.as_str());

        assert_eq!(
            job["concurrency"]["cancel-in-progress"], !is_deploy,
            "{name}"
        );
        assert_eq!(job["environment"]["url"].is_string(), is_deploy, "{name}");
        if is_deploy {
            let target = name.trim_start_matches("deploy-");
            assert_eq!(job["concurrency"]["group"], format!("production-{target}"));
        }
    }
    Ok(())
}

#[test]
fn jobs_may_only_read_and_actions_are_pinned() -> Result<()> {
    let github = yaml(GITHUB)?;
    assert_eq!(github["permissions"], serde_json::json!({}));
    for (name, job) in github["jobs"].as_object().context("no jobs")? {
        assert_eq!(
            job["permissions"],
            serde_json::json!({ "contents": "read" }),
            "{name}"
        );
    }
    for line in read(GITHUB)?.lines() {
        let Some((_, action)) = line.split_once("uses: ") else {
            continue;
        };
        let (action, version) = action.split_once(" # v").context(line.to_owned())?;
        let commit = action.split_once('@').map_or("", |(_, commit)| commit);
        let is_full = commit.len() == 40 && commit.bytes().all(|byte| byte.is_ascii_hexdigit());
        assert!(is_full && !version.is_empty(), "{line}");
    }
    Ok(())
}

#[test]
fn the_image_knows_every_crate() -> Result<()> {
    let manifest = read("Cargo.toml")?;
    let members = manifest
        .lines()
        .find_map(|line| line.strip_prefix("members = "));
    let members: Vec<String> = serde_json::from_str(members.context("no members")?)?;
    let dockerfile = read("Dockerfile")?;
    for member in members {
        let copied = format!("COPY {member}/Cargo.toml {member}/\n");
        assert!(
            dockerfile.contains(&copied),
            "the Dockerfile lacks: {copied}"
        );
    }
    Ok(())
}

#[test]
fn rust_is_the_same_everywhere() -> Result<()> {
    for file in ["Dockerfile", GITHUB, CIRCLECI] {
        let text = read(file)?;
        let versions: Vec<_> = text
            .split(|c: char| c.is_whitespace() || "-:".contains(c))
            .filter(|word| word.starts_with("1.") && word.ends_with(".0"))
            .collect();
        assert!(!versions.is_empty(), "{file} names no version of Rust");
        assert!(
            versions.iter().all(|version| *version == "1.95.0"),
            "{file}: {versions:?}"
        );
    }
    Ok(())
}

/// The words of a text that are names of variables after that prefix.
fn named_after<'a>(prefix: &str, text: &'a str) -> BTreeSet<&'a str> {
    text.split(prefix)
        .skip(1)
        .filter_map(|rest| {
            rest.split(|c: char| !c.is_ascii_alphanumeric() && c != '_')
                .next()
        })
        .collect()
}

#[test]
fn a_target_is_on_only_if_all_that_it_needs_is_there() -> Result<()> {
    let (github, circleci) = (yaml(GITHUB)?, yaml(CIRCLECI)?);
    let documentation = read("docs/delivery.md")?;
    let steps = |job: &Value| job["steps"].as_array().cloned().unwrap_or_default();
    let see = steps(&github["jobs"]["build"])
        .into_iter()
        .find(|step| step["id"] == "targets")
        .context("nobody sees which secrets are there")?;
    for deploy in DEPLOYS {
        let target = deploy.trim_start_matches("deploy-");
        let job = &github["jobs"][deploy];
        let steps_there = steps(job);
        let given = steps_there.last().and_then(|step| step["env"].as_object());
        let given = given.context("no variables")?;
        let mut needed: BTreeSet<&str> = given.keys().map(String::as_str).collect();
        needed.remove(RENDER_API_KEY.name());

        let rule = see["env"][target.to_uppercase()].as_str();
        let rule = rule.unwrap_or_default();
        assert_eq!(named_after("secrets.", rule), needed, "{target}: {rule}");
        assert!(
            rule.contains("(vars.APP_URL || secrets.APP_URL) != ''"),
            "{rule}"
        );
        assert_eq!(rule.matches(" && ").count() + 1, needed.len(), "{rule}");
        assert_eq!(given["APP_URL"], "${{ vars.APP_URL || secrets.APP_URL }}");
        assert_eq!(job["environment"]["url"], "${{ vars.APP_URL }}");

        let only_with = &steps(&circleci["jobs"][deploy])[0]["only-with"]["variables"];
        let only_with = only_with.as_str().unwrap_or_default();
        assert_eq!(
            only_with.split_whitespace().collect::<BTreeSet<_>>(),
            needed
        );

        let row = format!("\n| {target} | those two, ");
        let row = documentation.split(&row).nth(1).context(row.clone())?;
        let row = row.split(" |").next().unwrap_or_default();
        let mut documented: BTreeSet<&str> = row.split('`').skip(1).step_by(2).collect();
        documented.extend([DOCKERHUB_USERNAME.name(), DOCKERHUB_TOKEN.name()]);
        assert_eq!(documented, needed);

        for name in needed {
            assert!(
                variables::of("deploy")
                    .iter()
                    .any(|known| known.name() == name),
                "{name} is read by nobody"
            );
        }
    }
    Ok(())
}
