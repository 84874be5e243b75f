//! The image of a commit: build, smoke test, bill of materials, push.

mod engine;
pub(crate) mod name;
pub(crate) mod registry;
mod smoke_test;
mod source;

use std::fs;
use std::path::Path;
use std::time::Instant;

use anyhow::{Context as _, Result, ensure};
use xshell::cmd;

use crate::context::Context;
use crate::{checks, tools};
use engine::Engine;
use name::Repository;
use registry::{Login, Registries, TIMEOUT};
use source::Source;

#[derive(clap::Args, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
pub(crate) struct Args {
    /// The program that builds [default: the first that works].
    #[arg(long, value_enum)]
    engine: Option<Engine>,

    /// The account, or HOST/ACCOUNT for a registry other than Docker Hub [default: `DOCKERHUB_USERNAME`, or
    /// localhost].
    #[arg(long)]
    name: Option<String>,

    /// Start the image, request its pages, push it to a temporary registry and pull it back.
    #[arg(long)]
    check: bool,

    /// Push both tags; logs in with `DOCKERHUB_USERNAME` and `DOCKERHUB_TOKEN`.
    #[arg(long)]
    push: bool,

    /// Write a bill of materials (`CycloneDX`) to target/image.
    #[arg(long)]
    sbom: bool,

    /// Build uncommitted changes too; the tag ends in `-dirty`.
    #[arg(long)]
    allow_dirty: bool,

    /// Do not use layers of earlier builds.
    #[arg(long)]
    no_cache: bool,

    /// Build a second time without cache, and compare both programs byte by byte.
    #[arg(long)]
    reproduce: bool,
}

/// Builds the image of the commit that is checked out, and runs the requested steps.
pub(crate) fn run(context: &Context, args: &Args) -> Result<()> {
    let engine = engine::find(context, args.engine)?;
    let source = Source::from_checkout(context, args.allow_dirty)?;
    let repository = repository(context, args.name.as_deref())?;
    let login = login(context, &repository)?.filter(|_| args.push);
    ensure!(
        login.is_some() || !args.push || repository.is_local(),
        "DOCKERHUB_USERNAME and DOCKERHUB_TOKEN must be set to push"
    );

    let start = Instant::now();
    let folder = tempfile::tempdir()?;
    let folder = source.files(context, folder.path())?;
    let names: Vec<_> = source.tags().map(|tag| repository.tagged(tag)).collect();
    engine.build(context, &source, &names, folder, args.no_cache)?;
    println!("{}", names.join("\n"));
    let seconds = start.elapsed().as_secs();
    println!("built with {} in {seconds} s", engine.program());

    let image = repository.tagged(&source.revision);
    if args.reproduce {
        reproduce(context, engine, &image, &source, folder)?;
    }
    if args.sbom {
        write_sbom(context, &source)?;
    }
    if args.check {
        smoke_test::run(context, engine, &image, &source)?;
    }
    if args.push {
        context.require_checks()?;
        let registries = Registries::new(context, login, TIMEOUT)?;
        engine.push(context, &repository, &source, &registries)?;
    }
    Ok(())
}

/// The step of `cargo xtask ci --all`.
pub(crate) fn check(context: &Context) -> Result<()> {
    if let Err(error) = engine::find(context, None) {
        context.skip("image", &error);
        return Ok(());
    }
    let args = Args {
        check: true,
        sbom: true,
        allow_dirty: true,
        ..Args::default()
    };
    run(context, &args)
}

/// The repository of that account, or of the one in `DOCKERHUB_USERNAME`.
pub(crate) fn repository(context: &Context, name: Option<&str>) -> Result<Repository> {
    match (name, context.variable("DOCKERHUB_USERNAME")) {
        (Some(name), _) => Repository::of(name).context("--name"),
        (None, Some(account)) => Repository::of(&account).context("DOCKERHUB_USERNAME"),
        (None, None) => Repository::of("localhost"),
    }
}

/// The login at a registry; one on this machine needs none.
pub(crate) fn login(context: &Context, repository: &Repository) -> Result<Option<Login>> {
    if repository.is_local() {
        return Ok(None);
    }
    let user = context.token("DOCKERHUB_USERNAME")?;
    let token = context.token("DOCKERHUB_TOKEN")?;
    let login = user.zip(token);
    Ok(login.map(|(user, token)| (repository.registry.clone(), user, token)))
}

/// Builds again without cache, and compares the programs.
fn reproduce(
    context: &Context,
    engine: Engine,
    image: &str,
    source: &Source,
    folder: &Path,
) -> Result<()> {
    let again = format!("{image}-again");
    let names = std::slice::from_ref(&again);
    engine.build(context, source, names, folder, true)?;
    let copies = tempfile::tempdir()?;
    let program = |image: &str, name: &str| {
        let copy = copies.path().join(name);
        engine.copy_program(context, image, &copy)?;
        anyhow::Ok(fs::read(copy)?)
    };
    ensure!(
        program(image, "first")? == program(&again, "second")?,
        "two builds of {} differ",
        source.revision
    );
    let remove = context.shell.cmd(engine.program()).args(["rmi", &again]);
    context.run(remove.ignore_stdout())
}

/// Writes the parts of the program beside the image.
fn write_sbom(context: &Context, source: &Source) -> Result<()> {
    let program = tools::cargo(context, &tools::CYCLONEDX)?;
    let name = format!("oc-lettings-site-{}", source.revision);
    let options = ["--format=json", "--spec-version=1.5", checks::FEATURES];
    context.run(cmd!(
        context.shell,
        "{program} cyclonedx --manifest-path web/Cargo.toml {options...} --override-filename {name}"
    ))?;
    // One file beside each manifest of the workspace; ours is the program's.
    let folder = context
        .shell
        .create_dir(context.root.join("target/image"))?;
    let file = folder.join(format!("{name}.cdx.json"));
    fs::rename(context.root.join("web").join(format!("{name}.json")), &file)?;
    println!("{}", file.display());
    Ok(())
}
