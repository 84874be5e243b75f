//! What takes minutes: whether the site keeps its word when it is killed, restarted, starved or left alone.
//!
//! Each trial has a site of its own, and tells its figures on one line; the first promise that is broken ends the run.

mod browser;
mod disk;
mod frozen;
mod kill;
mod postgres;
mod restart;
mod rows;
mod sentry;
mod site;
mod slow;
mod staff;

use std::time::Instant;

use anyhow::{Context, Result};
use clap::ValueEnum;
use xshell::cmd;

use crate::machine::Machine;
use crate::needs;

#[derive(clap::Args)]
pub(crate) struct Args {
    /// What to try; everything without.
    trials: Vec<Trial>,

    /// How often a process is killed or restarted, instead of 500 and 200 times.
    #[arg(long)]
    times: Option<u32>,

    /// Try the optimised program.
    #[arg(long)]
    release: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Trial {
    /// `kill -9` at random moments while staff save lettings.
    Kill,
    /// PostgreSQL restarted under load.
    Postgres,
    /// PostgreSQL stopped for a minute under load without a word, and a table that somebody locks.
    Frozen,
    /// The site restarted under load behind a socket that is held.
    Restart,
    /// A disk that fills up while staff save lettings.
    Disk,
    /// A Sentry that takes every connection and never answers.
    Sentry,
    /// 10 000 slow connections, and a visitor.
    Slow,
}

/// Tries what was asked for.
pub(crate) fn run(machine: &Machine, args: &Args) -> Result<()> {
    needs::require(machine, &needs::BUILD)?;
    needs::require(machine, &needs::SQLITE)?;
    let (flag, profile) = if args.release {
        (Some("--release"), "release")
    } else {
        (None, "debug")
    };
    machine.run(cmd!(machine.shell, "cargo build --locked -p web {flag...}"))?;
    let program = machine
        .root
        .join("target")
        .join(profile)
        .join("oc-lettings");
    for trial in Trial::value_variants() {
        if !args.trials.is_empty() && !args.trials.contains(trial) {
            continue;
        }
        let start = Instant::now();
        let name = trial.to_possible_value().expect("no trial is hidden");
        let name = name.get_name();
        let figures = match trial {
            Trial::Kill => kill::run(machine, &program, args.times.unwrap_or(500)),
            Trial::Postgres => postgres::run(machine, &program, args.times.unwrap_or(10)),
            Trial::Frozen => frozen::run(machine, &program),
            Trial::Restart => restart::run(machine, &program, args.times.unwrap_or(200)),
            Trial::Disk => disk::run(machine, &program),
            Trial::Sentry => sentry::run(machine, &program),
            Trial::Slow => slow::run(machine, &program),
        };
        let figures = figures.with_context(|| format!("{name} FAILED"))?;
        println!(
            "{name:<9} ok {:>7.1} s  {figures}",
            start.elapsed().as_secs_f64()
        );
    }
    Ok(())
}
