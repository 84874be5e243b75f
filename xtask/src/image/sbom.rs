//! A list of all parts of the program, in the form of `CycloneDX` 1.5.

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::{Context, Result};
use serde_json::{Value, json};
use xshell::cmd;

use super::output;
use super::source::Source;
use crate::machine::Machine;

/// Writes the list beside the image, and returns where it is.
pub(crate) fn write(machine: &Machine, source: &Source) -> Result<PathBuf> {
    let how = [
        "--edges", "normal", "--prefix", "none", "--format", "{p}", "--locked",
    ];
    // The tree of the program alone; the list of packages below knows more of each, but also of what only tests use.
    let tree = machine.read(cmd!(
        machine.shell,
        "cargo tree --package web --target x86_64-unknown-linux-gnu {how...}"
    ))?;
    let metadata = machine.read(cmd!(
        machine.shell,
        "cargo metadata --format-version 1 --locked"
    ))?;
    let lock = machine.shell.read_file("Cargo.lock")?;
    let list = list(
        &tree,
        &serde_json::from_str(&metadata)?,
        &checksums(&lock),
        source,
    )?;
    let file = output(machine)?.join(format!("oc-lettings-site-{}.cdx.json", source.revision));
    machine
        .shell
        .write_file(&file, serde_json::to_string_pretty(&list)?)?;
    Ok(file)
}

/// A package's name and version.
type Package = (String, String);

/// The packages of a tree, each once.
fn packages(tree: &str) -> Vec<Package> {
    let package = |line: &str| {
        let mut words = line.split(' ');
        let name = words.next()?.to_owned();
        Some((name, words.next()?.strip_prefix('v')?.to_owned()))
    };
    let mut packages: Vec<_> = tree.lines().filter_map(package).collect();
    packages.sort();
    packages.dedup();
    packages
}

/// The hash of each package's archive.
fn checksums(lock: &str) -> BTreeMap<Package, String> {
    let field = |entry: &str, name: &str| {
        let line = entry.lines().find_map(|line| line.strip_prefix(name));
        line.map(|value| value.trim_matches([' ', '=', '"']).to_owned())
    };
    lock.split("[[package]]")
        .filter_map(|entry| {
            let package = (field(entry, "name")?, field(entry, "version")?);
            Some((package, field(entry, "checksum")?))
        })
        .collect()
}

fn list(
    tree: &str,
    metadata: &Value,
    checksums: &BTreeMap<Package, String>,
    source: &Source,
) -> Result<Value> {
    let known = metadata["packages"].as_array().context("no packages")?;
    let components: Vec<_> = packages(tree)
        .iter()
        .map(|package| {
            let (name, version) = package;
            let about = known
                .iter()
                .find(|known| known["name"] == **name && known["version"] == **version);
            let mut component = json!({
                "type": "library",
                "bom-ref": format!("pkg:cargo/{name}@{version}"),
                "name": name,
                "version": version,
                "purl": format!("pkg:cargo/{name}@{version}"),
            });
            if let Some(license) = about.and_then(|about| about["license"].as_str()) {
                // An old way to write OR.
                let expression = license.replace('/', " OR ");
                component["licenses"] = json!([{ "expression": expression }]);
            }
            if let Some(checksum) = checksums.get(package) {
                component["hashes"] = json!([{ "alg": "SHA-256", "content": checksum }]);
            }
            component
        })
        .collect();
    Ok(json!({
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {
            "timestamp": source.created,
            "component": {
                "type": "container",
                "bom-ref": "oc-lettings-site",
                "name": "oc-lettings-site",
                "version": source.revision,
            },
        },
        "components": components,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_is_listed_once_with_licence_and_hash() -> Result<()> {
        let tree = "web v0.1.0 (/p/web)\nserde v1.0.1\nserde v1.0.1 (*)\n";
        let metadata = json!({ "packages": [
            { "name": "serde", "version": "1.0.1", "license": "MIT/Apache-2.0" },
            { "name": "web", "version": "0.1.0", "license": "MIT" },
        ] });
        let lock = "[[package]]\nname = \"serde\"\nversion = \"1.0.1\"\nchecksum = \"abc\"\n\n[[package]]\nname = \"web\"\nversion = \"0.1.0\"\n";
        let source = Source::example("f00");

        let list = list(tree, &metadata, &checksums(lock), &source)?;

        let parts = list["components"].as_array().context("no components")?;
        assert_eq!(parts.len(), 2);
        assert_eq!(parts[0]["purl"], "pkg:cargo/serde@1.0.1");
        assert_eq!(parts[0]["licenses"][0]["expression"], "MIT OR Apache-2.0");
        assert_eq!(parts[0]["hashes"][0]["content"], "abc");
        assert_eq!(parts[1]["hashes"], Value::Null);
        assert_eq!(list["metadata"]["component"]["version"], "f00");
        Ok(())
    }
}
