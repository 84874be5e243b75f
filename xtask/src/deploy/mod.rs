//! Brings an image to a host, and knows whether that worked.
//!
//! `flow` is the one way that every deploy goes; a host is what asks its provider, one a file.

mod flow;
mod heroku;
mod history;
mod render;
mod settings;
mod site;
mod vps;

use std::fmt;
use std::time::Duration;

use anyhow::{Result, bail, ensure};
use clap::ValueEnum;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::http::Http;
use crate::image;
use crate::image::name::Repository;
use crate::image::registry::Registry;
use crate::machine::Machine;
use crate::variables::APP_URL;
use flow::{Deploy, Image};
pub(crate) use settings::check_token;
use settings::{base, required};
use site::{Pace, Site};

/// What stays as it is in an address.
const PLAIN: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// Where the site can run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Target {
    /// A web service at Render, by its deploy hook
    Render,
    /// An app on Heroku's container stack
    Heroku,
    /// A Debian machine, over SSH
    Vps,
}

#[derive(clap::Args)]
pub(crate) struct Args {
    /// Where to.
    #[arg(value_enum)]
    target: Target,

    /// The commit whose image is released [default: the one that is checked out].
    #[arg(long)]
    sha: Option<String>,

    /// Prepare a bare Debian machine first, and release nothing (vps only).
    #[arg(long)]
    bootstrap: bool,

    #[command(flatten)]
    how: How,
}

#[derive(clap::Args)]
pub(crate) struct RollbackArgs {
    /// Where.
    #[arg(value_enum)]
    target: Target,

    /// The commit to go back to [default: the newest before the running one that has an image].
    #[arg(long)]
    sha: Option<String>,

    #[command(flatten)]
    how: How,
}

#[derive(clap::Args)]
struct How {
    /// The account that the image is in, or HOST/ACCOUNT [default: `DOCKERHUB_USERNAME`].
    #[arg(long)]
    name: Option<String>,

    /// How long the site may take to answer with the new revision, such as 90s or 15m.
    #[arg(long, value_parser = duration, default_value = "15m")]
    timeout: Duration,

    /// The pause between two looks at the site.
    #[arg(long, value_parser = duration, default_value = "2s")]
    every: Duration,

    /// Look everything up, say what would be done, and change nothing.
    #[arg(long)]
    dry_run: bool,
}

/// What a host says of the release that it was asked for.
pub(crate) enum Verdict {
    /// It says nothing that we could know it by: the site is the judge.
    Silent,
    /// It is not through with it.
    Going,
    /// It is, and has nothing against it.
    Done,
    /// It gave up, for this reason.
    Failed(String),
}

/// A host's word that the release did not even begin.
#[derive(Debug)]
pub(crate) struct Unchanged(pub(crate) String);

impl fmt::Display for Unchanged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Unchanged {}

/// A host's word that the release failed, and that what ran before runs again.
#[derive(Debug)]
pub(crate) struct Restored(pub(crate) String);

impl fmt::Display for Restored {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Restored {}

/// Something that can be asked to run an image.
pub(crate) trait Host {
    /// What it is called.
    fn name(&self) -> &'static str;
    /// Looks whether we are let in. Changes nothing.
    fn prepare(&mut self) -> Result<()>;
    /// Asks for that image. A final [`crate::http::Refusal`], [`crate::http::Unsent`] and [`Unchanged`] mean that
    /// nothing was changed, [`Restored`] that it was, and is no longer.
    fn release(&mut self, image: &Image) -> Result<()>;
    /// What the host says since.
    fn verdict(&mut self) -> Result<Verdict>;
}

/// Brings the image of a commit to its host.
pub(crate) fn run(machine: &Machine, args: &Args) -> Result<()> {
    if args.bootstrap {
        ensure!(
            args.target == Target::Vps,
            "only a machine of our own can be prepared: `deploy vps --bootstrap`"
        );
        let http = Http::new(args.how.every / 2);
        return vps::Vps::from(machine, &http, args.how.every)?.bootstrap(args.how.dry_run);
    }
    let sha = match &args.sha {
        Some(sha) => history::full(machine, sha)?,
        None => history::full(machine, "HEAD")?,
    };
    go(machine, args.target, &args.how, |deploy| deploy.run(&sha))
}

/// Goes back to an earlier commit.
pub(crate) fn rollback(machine: &Machine, args: &RollbackArgs) -> Result<()> {
    go(machine, args.target, &args.how, |deploy| {
        if let Some(sha) = &args.sha {
            return deploy.run(&history::full(machine, sha)?);
        }
        let running = deploy.running()?;
        let before = history::before(machine, &running)?;
        for sha in before {
            if deploy.find(&sha)?.is_some() {
                println!("{running} is running; the one before it that has an image is {sha}");
                return deploy.run(&sha);
            }
        }
        bail!("no commit before {running} has an image; name one with --sha")
    })
}

/// Puts together what a deploy takes, and does one.
fn go(
    machine: &Machine,
    target: Target,
    how: &How,
    act: impl FnOnce(&mut Deploy<'_>) -> Result<()>,
) -> Result<()> {
    let http = Http::new(how.every / 2);
    let named = image::repository(machine, how.name.as_deref())?;
    ensure!(
        named != Repository::of("localhost")?,
        "whose image? Set DOCKERHUB_USERNAME or give --name"
    );
    let credentials = image::credentials(machine, &http, &named)?;
    let registry = Registry::new(&http, named, credentials);
    let mut host: Box<dyn Host + '_> = match target {
        Target::Render => Box::new(render::Render::from(machine, &http)?),
        Target::Heroku => Box::new(heroku::Heroku::from(machine, &http, &registry)?),
        Target::Vps => Box::new(vps::Vps::from(machine, &http, how.every)?),
    };
    let site = Site::new(&http, base(&APP_URL, &required(machine, &APP_URL)?)?);
    act(&mut Deploy {
        host: &mut *host,
        site: &site,
        registry: &registry,
        pace: Pace::of(how.every, how.timeout),
        dry_run: how.dry_run,
    })
}

/// A text as a part of an address.
pub(crate) fn encoded(text: &str) -> String {
    utf8_percent_encode(text, PLAIN).to_string()
}

/// A number with ms, s, m or h.
fn duration(text: &str) -> Result<Duration, String> {
    let wrong = || format!("{text:?} is no time; write it as 90s, 15m or 1h");
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let number: u64 = number.parse().map_err(|_| wrong())?;
    let milliseconds = match unit {
        "ms" => 1,
        "s" => 1000,
        "m" => 60_000,
        "h" => 3_600_000,
        _ => return Err(wrong()),
    };
    number
        .checked_mul(milliseconds)
        .map(Duration::from_millis)
        .ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_has_a_number_and_a_unit() {
        assert_eq!(duration("5ms"), Ok(Duration::from_millis(5)));
        assert_eq!(duration("90s"), Ok(Duration::from_secs(90)));
        assert_eq!(duration("15m"), Ok(Duration::from_mins(15)));
        assert_eq!(duration("1h"), Ok(Duration::from_hours(1)));
        for wrong in [
            "",
            "15",
            "m",
            "-1m",
            "1d",
            "1.5h",
            "99999999999999999999h",
            "9€",
        ] {
            assert!(duration(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_reference_is_encoded_whole() {
        assert_eq!(
            encoded("docker.io/ada/x@sha256:0a"),
            "docker.io%2Fada%2Fx%40sha256%3A0a"
        );
    }
}
