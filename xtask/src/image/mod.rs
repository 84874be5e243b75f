//! The image of a commit: built, tried, described, pushed.

mod engine;
mod local_registry;
pub(crate) mod name;
pub(crate) mod registry;
mod reproduce;
mod sbom;
mod source;
mod trial;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use xshell::cmd;

use crate::ci::Outcome;
use crate::deploy::check_token;
use crate::http::Http;
use crate::machine::Machine;
use crate::variables::{DOCKERHUB_TOKEN, DOCKERHUB_USERNAME};
use engine::Engine;
use name::Repository;
use registry::{Credentials, Registry};
use source::Source;

#[derive(clap::Args, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
pub(crate) struct Args {
    /// What builds; without, the first that is found here.
    #[arg(long, value_enum)]
    engine: Option<Engine>,

    /// The account, or HOST/ACCOUNT for another registry than Docker Hub [default: `DOCKERHUB_USERNAME`, or
    /// localhost].
    #[arg(long)]
    name: Option<String>,

    /// Start the image, ask it for its revision, take it through a registry on this machine, stop it.
    #[arg(long)]
    check: bool,

    /// Push both tags; logs in with `DOCKERHUB_USERNAME` and `DOCKERHUB_TOKEN`.
    #[arg(long)]
    push: bool,

    /// Write a list of all parts (`CycloneDX`) to target/image.
    #[arg(long)]
    sbom: bool,

    /// Build what is not committed too; the tag says so.
    #[arg(long)]
    allow_dirty: bool,

    /// Use nothing of an earlier build.
    #[arg(long)]
    no_cache: bool,

    /// Build a second time from nothing, and compare both programs byte for byte.
    #[arg(long)]
    reproduce: bool,
}

/// Builds the image of the commit that is checked out, and does with it what is asked for.
pub(crate) fn run(machine: &Machine, args: &Args) -> Result<()> {
    build(machine, args)?.alone(machine)
}

fn build(machine: &Machine, args: &Args) -> Result<Outcome> {
    let engine = engine::find(machine, args.engine)?;
    let source = Source::of(machine, args.allow_dirty)?;
    let repository = repository(machine, args.name.as_deref())?;
    let tags = source.tags().map(|tag| repository.tagged(tag));
    let http = Http::new(Duration::from_secs(1));
    let credentials = if args.push {
        let credentials = credentials(machine, &http, &repository)?;
        ensure!(
            credentials.is_some() || repository.is_local(),
            "{DOCKERHUB_USERNAME} and {DOCKERHUB_TOKEN} must be set: the registry lets nobody in without"
        );
        credentials
    } else {
        None
    };

    let start = Instant::now();
    let context = source.context(machine)?;
    engine.build(
        machine,
        &source,
        &tags.clone().collect::<Vec<_>>(),
        context.folder(),
        args.no_cache,
    )?;
    for tag in tags.clone() {
        println!("{tag}");
    }
    println!(
        "built with {engine} in {:.0} s",
        start.elapsed().as_secs_f32()
    );

    if args.reproduce {
        let image = repository.tagged(&source.revision);
        reproduce::run(machine, engine, &image, &source, &context)?;
    }
    if args.sbom {
        println!("{}", sbom::write(machine, &source)?.display());
    }
    let mut outcome = Outcome::Done;
    if args.check {
        let image = repository.tagged(&source.revision);
        outcome = trial::run(machine, engine, &image, &source)?;
    }
    if args.push {
        outcome.alone(machine)?;
        let registry = Registry::new(&http, repository, credentials);
        push(machine, engine, &source, &registry)?;
    }
    Ok(outcome)
}

/// The image in `cargo xtask ci --all`, where something can build it.
pub(crate) fn check(machine: &Machine) -> Result<Outcome> {
    if let Err(error) = engine::find(machine, None) {
        eprintln!("image: not checked ({error})");
        return Ok(Outcome::NotChecked);
    }
    let args = Args {
        check: true,
        sbom: true,
        allow_dirty: true,
        ..Args::default()
    };
    build(machine, &args)
}

/// The repository of that account, or of the one that the environment names.
pub(crate) fn repository(machine: &Machine, name: Option<&str>) -> Result<Repository> {
    let account = machine.variable(&DOCKERHUB_USERNAME);
    let (name, from) = match (name, &account) {
        (Some(name), _) => (name, "--name"),
        (None, Some(account)) => (account.as_str(), DOCKERHUB_USERNAME.name()),
        (None, None) => ("localhost", ""),
    };
    Repository::of(name).context(from)
}

/// What lets us into the registry; a registry on this machine asks for nothing.
pub(crate) fn credentials(
    machine: &Machine,
    http: &Http,
    repository: &Repository,
) -> Result<Option<Credentials>> {
    let user = machine.variable(&DOCKERHUB_USERNAME);
    let token = machine.variable(&DOCKERHUB_TOKEN);
    let Some((user, token)) = user.zip(token).filter(|_| !repository.is_local()) else {
        return Ok(None);
    };
    http.hide(&token);
    check_token(&DOCKERHUB_USERNAME, &user)?;
    check_token(&DOCKERHUB_TOKEN, &token)?;
    Ok(Some((user, token)))
}

fn push(machine: &Machine, engine: Engine, source: &Source, registry: &Registry<'_>) -> Result<()> {
    let repository = registry.repository();
    engine.push(machine, repository, source, registry.credentials())?;
    let mut digests = Vec::new();
    for tag in source.tags() {
        let manifest = registry.find(tag)?;
        let manifest = manifest.with_context(|| format!("{tag} was pushed, and is not there"))?;
        digests.push(manifest.digest);
    }
    let digest = digests.pop().context("nothing was pushed")?;
    ensure!(
        digests.iter().all(|other| *other == digest),
        "the tags lead to different images: somebody else pushes at the same time"
    );
    println!("pushed {}", repository.pinned(&digest));
    Ok(())
}

/// A folder under `target` for what is made.
fn output(machine: &Machine) -> Result<PathBuf> {
    Ok(machine
        .shell
        .create_dir(machine.root.join("target/image"))?)
}

/// What git answers.
fn git(machine: &Machine, arguments: &[&str]) -> Result<String> {
    machine.read(cmd!(machine.shell, "git {arguments...}"))
}
