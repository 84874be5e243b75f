//! Which crate may depend on which, and what the domain crates may draw in.

use std::collections::BTreeSet;

use anyhow::{Context, Result, bail};
use serde_json::Value;
use xshell::cmd;

use crate::machine::Machine;

/// Every crate of the workspace, and those of ours that it may depend on.
const CRATES: [(&str, &[&str]); 7] = [
    (
        "django-import",
        &["lettings", "oc-core", "profiles", "transfer"],
    ),
    ("lettings", &["oc-core"]),
    ("oc-core", &[]),
    ("profiles", &["oc-core"]),
    ("transfer", &["oc-core"]),
    (
        "web",
        &[
            "django-import",
            "lettings",
            "oc-core",
            "profiles",
            "transfer",
        ],
    ),
    ("xtask", &[]),
];

/// The crates that know nothing of HTTP, templates or the ways of a server.
const DOMAIN: [&str; 3] = ["lettings", "oc-core", "profiles"];

/// How the names begin of what only the web crate may know.
const WEB_ONLY: [&str; 4] = ["actix", "sentry", "serde_json", "tera"];

/// Reads the manifests and the trees of dependencies, and fails with every fault found.
pub(crate) fn run(machine: &Machine) -> Result<()> {
    let metadata = machine.read(cmd!(
        machine.shell,
        "cargo metadata --format-version 1 --no-deps --locked"
    ))?;
    let mut faults = arrow_faults(&arrows(&metadata)?);
    for domain in DOMAIN {
        let how = [
            "--edges", "normal", "--prefix", "none", "--format", "{p}", "--locked",
        ];
        let tree = machine.read(cmd!(machine.shell, "cargo tree -p {domain} {how...}"))?;
        faults.extend(tree_faults(domain, &tree));
    }
    if faults.is_empty() {
        eprintln!("every arrow points the right way");
        return Ok(());
    }
    bail!("{}", faults.join("\n"))
}

/// A crate of the workspace and the local crates that it depends on, in whatever way.
type Arrows = Vec<(String, Vec<String>)>;

fn arrows(metadata: &str) -> Result<Arrows> {
    let metadata: Value = serde_json::from_str(metadata)?;
    let packages = metadata["packages"]
        .as_array()
        .context("cargo metadata lists no packages")?;
    let name = |value: &Value| value["name"].as_str().unwrap_or_default().to_owned();
    let local = |package: &Value| -> Vec<String> {
        let dependencies = package["dependencies"].as_array().into_iter().flatten();
        dependencies
            .filter(|dependency| dependency["path"].is_string())
            .map(name)
            .collect()
    };
    Ok(packages
        .iter()
        .map(|package| (name(package), local(package)))
        .collect())
}

fn arrow_faults(arrows: &Arrows) -> Vec<String> {
    let mut faults = Vec::new();
    for (from, targets) in arrows {
        let Some((_, allowed)) = CRATES.iter().find(|(name, _)| name == from) else {
            faults.push(format!(
                "`{from}` is a new crate: give it a place in xtask/src/arrows.rs"
            ));
            continue;
        };
        // A crate may name itself to switch on a feature for its own tests.
        let wrong = targets
            .iter()
            .filter(|to| *to != from && !allowed.contains(&to.as_str()));
        faults.extend(wrong.map(|to| format!("`{from}` must not depend on `{to}`")));
    }
    faults
}

fn tree_faults(domain: &str, tree: &str) -> Vec<String> {
    let names: BTreeSet<_> = tree
        .lines()
        .filter_map(|line| line.split(' ').next())
        .collect();
    let wrong = names
        .into_iter()
        .filter(|name| WEB_ONLY.iter().any(|start| name.starts_with(start)));
    wrong
        .map(|name| {
            format!("`{domain}` must not draw in `{name}`: see `cargo tree -p {domain} -i {name}`")
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(packages: &str) -> Vec<String> {
        arrow_faults(&arrows(&format!(r#"{{"packages": [{packages}]}}"#)).unwrap())
    }

    #[test]
    fn arrows_that_point_down_are_fine() {
        let web = r#"{"name": "web", "dependencies": [
            {"name": "lettings", "path": "/p/crates/lettings"},
            {"name": "oc-core", "path": "/p/crates/core", "kind": "dev"},
            {"name": "tera", "path": null}
        ]}"#;
        let core = r#"{"name": "oc-core", "dependencies": [{"name": "oc-core", "path": "/p/crates/core", "kind": "dev"}]}"#;

        assert!(faults(&format!("{web}, {core}")).is_empty());
    }

    #[test]
    fn siblings_never_meet() {
        let lettings = r#"{"name": "lettings", "dependencies": [
            {"name": "oc-core", "path": "/p/crates/core"},
            {"name": "profiles", "path": "/p/crates/profiles", "kind": "dev"}
        ]}"#;

        assert_eq!(
            faults(lettings),
            ["`lettings` must not depend on `profiles`"]
        );
    }

    #[test]
    fn a_new_crate_is_named() {
        let faults = faults(r#"{"name": "utils", "dependencies": []}"#);

        assert_eq!(
            faults,
            ["`utils` is a new crate: give it a place in xtask/src/arrows.rs"]
        );
    }

    #[test]
    fn a_domain_crate_draws_in_nothing_of_the_web() {
        let tree = "lettings v0.1.0 (/p/crates/lettings)\nserde v1.0.1\nactix-web v4.18.1\nserde v1.0.1 (*)\n";

        let faults = tree_faults("lettings", tree);

        assert_eq!(
            faults,
            ["`lettings` must not draw in `actix-web`: see `cargo tree -p lettings -i actix-web`"]
        );
    }
}
