//! Deploys of an image: release it, wait until the site answers with the new revision, go back otherwise.

mod flow;
mod heroku;
mod host;
mod render;
mod site;
mod vps;

use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use clap::ValueEnum;
use xshell::cmd;

use crate::context::Context;
use crate::http::{Http, base_url};
use crate::image;
use crate::image::name::Repository;
use crate::image::registry::Registries;
use flow::Deploy;
use host::Host;
use site::Site;

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Target {
    /// A web service on Render, by its deploy hook
    Render,
    /// An app on Heroku's container stack
    Heroku,
    /// A Debian machine, over SSH
    Vps,
}

#[derive(clap::Args)]
pub(crate) struct Args {
    #[arg(value_enum)]
    target: Target,

    /// The commit to release [default: the one that is checked out].
    #[arg(long)]
    sha: Option<String>,

    /// Prepare a new Debian machine, and release nothing (vps only).
    #[arg(long)]
    bootstrap: bool,

    #[command(flatten)]
    options: Options,
}

#[derive(clap::Args)]
pub(crate) struct RollbackArgs {
    #[arg(value_enum)]
    target: Target,

    /// The commit to go back to [default: the newest one with an image before the running one].
    #[arg(long)]
    sha: Option<String>,

    #[command(flatten)]
    options: Options,
}

#[derive(clap::Args)]
struct Options {
    /// The account of the image, or HOST/ACCOUNT [default: `DOCKERHUB_USERNAME`].
    #[arg(long)]
    name: Option<String>,

    /// Time limit for the site to answer with the new revision, such as 90s or 15m.
    #[arg(long, value_parser = humantime::parse_duration, default_value = "15m")]
    timeout: Duration,

    /// Pause between two looks at the site.
    #[arg(long, value_parser = humantime::parse_duration, default_value = "2s")]
    every: Duration,

    /// Check everything, print what would be done, and change nothing.
    #[arg(long)]
    dry_run: bool,
}

/// Releases the image of a commit.
pub(crate) fn run(context: &Context, args: &Args) -> Result<()> {
    let options = &args.options;
    if args.bootstrap {
        ensure!(
            args.target == Target::Vps,
            "--bootstrap is for `deploy vps` only"
        );
        return vps::Vps::from_environment(context, options.every)?.bootstrap(options.dry_run);
    }
    let sha = full_sha(context, args.sha.as_deref().unwrap_or("HEAD"))?;
    with_deploy(context, args.target, options, |deploy| deploy.run(&sha))
}

/// Releases the image of an earlier commit.
pub(crate) fn rollback(context: &Context, args: &RollbackArgs) -> Result<()> {
    with_deploy(context, args.target, &args.options, |deploy| {
        if let Some(sha) = &args.sha {
            return deploy.run(&full_sha(context, sha)?);
        }
        let running = deploy.running()?;
        for sha in commits_before(context, &running)? {
            if deploy.find(&sha)?.is_some() {
                println!("{running} is running; the newest one before it with an image is {sha}");
                return deploy.run(&sha);
            }
        }
        bail!("no commit before {running} has an image; name one with --sha")
    })
}

fn with_deploy(
    context: &Context,
    target: Target,
    options: &Options,
    action: impl FnOnce(&mut Deploy<'_>) -> Result<()>,
) -> Result<()> {
    let http = Http::new(options.every / 2);
    let repository = image::repository(context, options.name.as_deref())?;
    ensure!(
        repository != Repository::of("localhost")?,
        "set DOCKERHUB_USERNAME, or add --name"
    );
    let mut logins = Vec::from_iter(image::login(context, &repository)?);
    if target == Target::Heroku {
        logins.push(heroku::login(context)?);
    }
    let registries = Registries::new(context, logins, options.timeout)?;
    let mut host: Box<dyn Host + '_> = match target {
        Target::Render => Box::new(render::Render::from_environment(context, &http)?),
        Target::Heroku => Box::new(heroku::Heroku::from_environment(
            context,
            &http,
            &registries,
        )?),
        Target::Vps => Box::new(vps::Vps::from_environment(context, options.every)?),
    };
    let url = context.required("APP_URL")?;
    let url = base_url("APP_URL", &url)?;
    action(&mut Deploy {
        host: &mut *host,
        site: &Site::new(&http, url, options.every, options.timeout),
        registries: &registries,
        repository: &repository,
        dry_run: options.dry_run,
    })
}

/// The full hash of a commit.
fn full_sha(context: &Context, name: &str) -> Result<String> {
    if name.len() == 40 && name.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Ok(name.to_ascii_lowercase());
    }
    let commit = format!("{name}^{{commit}}");
    context
        .read(cmd!(
            context.shell,
            "git rev-parse --verify --quiet --end-of-options {commit}"
        ))
        .with_context(|| format!("{name:?} is not a commit in this checkout; use the full hash"))
}

/// The first parents of a commit, newest first.
fn commits_before(context: &Context, sha: &str) -> Result<Vec<String>> {
    let parent = format!("{sha}^");
    let options = ["--first-parent", "--max-count=50", "--end-of-options"];
    let commits = cmd!(context.shell, "git rev-list {options...} {parent}");
    let commits = context.read(commits.ignore_stderr()).with_context(|| {
        format!(
            "this checkout has no commits before {sha}: run `git fetch --unshallow`, or add --sha"
        )
    })?;
    Ok(commits.lines().map(str::to_owned).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn earlier_commits_come_from_git() -> Result<()> {
        let folder = tempfile::tempdir()?;
        let context = Context::new(false)?;
        context.shell.change_dir(folder.path());
        let git = |arguments: &[&str]| {
            let author = ["-c", "user.name=a", "-c", "user.email=a@example.org"];
            context.read(cmd!(context.shell, "git {author...} {arguments...}"))
        };
        git(&["init", "--quiet"])?;
        for number in ["1", "2", "3"] {
            git(&["commit", "--quiet", "--allow-empty", "--message", number])?;
        }

        let newest = full_sha(&context, "HEAD")?;
        let older = commits_before(&context, &newest)?;

        assert_eq!(older.len(), 2);
        assert_eq!(older[0], full_sha(&context, "HEAD~1")?);
        assert!(commits_before(&context, &"1".repeat(40)).is_err());
        assert!(full_sha(&context, "no-such-branch").is_err());
        assert_eq!(full_sha(&context, &"A".repeat(40))?, "a".repeat(40));
        Ok(())
    }
}
