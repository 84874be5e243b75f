//! Trials that take minutes: the site is killed, restarted, starved or attacked. `cargo xtask soak --help`.
//!
//! Each trial has its own site and prints one line of results; the first failure ends the run.

mod cache;
mod disk;
mod failover;
mod kill;
mod load;
mod memory;
mod nodes;
mod postgres;
mod postgres_server;
mod rolling;
mod rows;
mod sentry;
mod slow;

use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context, Result};
use clap::{Parser, ValueEnum};
use xshell::{Shell, cmd};

#[derive(Parser)]
#[command(name = "cargo xtask soak", about = "Trials of minutes")]
struct Args {
    /// Which trials to run [default: all].
    trials: Vec<Trial>,

    /// Number of kills, restarts or cases [default: 500 kills, 10 restarts of PostgreSQL, 2000 saves, 20 000 cases].
    #[arg(long)]
    times: Option<u32>,

    /// Build and try the optimized program.
    #[arg(long)]
    release: bool,

    /// A program that is already built.
    #[arg(long)]
    program: Option<PathBuf>,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Trial {
    /// `kill -9` at random moments while staff save lettings.
    Kill,
    /// PostgreSQL restarted and paused for a minute under load, and a locked table.
    Postgres,
    /// The page cache of two processes on one database.
    Cache,
    /// A standby of PostgreSQL promoted under load.
    Failover,
    /// Three nodes behind Caddy, killed and replaced under load.
    Nodes,
    /// Both slots of a VPS replaced behind Caddy under load.
    Rolling,
    /// A disk that fills up while staff save lettings.
    Disk,
    /// A Sentry server that accepts every connection and never replies.
    Sentry,
    /// 10 000 slow connections beside one visitor.
    Slow,
    /// 300 wrong logins in a burst, and the memory a minute later. Needs `--release`.
    Memory,
    /// Random files, headers, cookies and queries for every parser: the properties of the tests, with more cases.
    Fuzz,
}

fn main() -> Result<()> {
    let args = Args::parse();
    let shell = Shell::new()?;
    let root = Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("this crate is in the workspace");
    shell.change_dir(root);
    let program = match &args.program {
        Some(program) => program
            .canonicalize()
            .with_context(|| program.display().to_string())?,
        None => build(&shell, root, args.release)?,
    };
    for trial in Trial::value_variants() {
        if !args.trials.is_empty() && !args.trials.contains(trial) {
            continue;
        }
        let start = Instant::now();
        let name = trial.to_possible_value().expect("no trial is hidden");
        let name = name.get_name();
        let figures = match trial {
            Trial::Kill => kill::run(&shell, &program, args.times.unwrap_or(500)),
            Trial::Postgres => postgres::run(&shell, &program, args.times.unwrap_or(10)),
            Trial::Cache => cache::run(&shell, &program, args.times.unwrap_or(2000)),
            Trial::Failover => failover::run(&shell, &program),
            Trial::Nodes => nodes::run(&shell, root, &program),
            Trial::Rolling => rolling::run(&shell, root, &program),
            Trial::Disk => disk::run(&shell, &program),
            Trial::Sentry => sentry::run(&shell, &program),
            Trial::Slow => slow::run(&shell, &program),
            Trial::Memory => memory::run(&shell, &program),
            Trial::Fuzz => fuzz(&shell, args.times.unwrap_or(20_000)),
        };
        let figures = figures.with_context(|| format!("{name} FAILED"))?;
        let seconds = start.elapsed().as_secs_f64();
        println!("{name:<9} ok {seconds:>7.1} s  {figures}");
    }
    Ok(())
}

/// Runs the tests of properties, whose names contain `makes_the`.
fn fuzz(shell: &Shell, cases: u32) -> Result<String> {
    let tests = cmd!(shell, "cargo test --locked --lib --bins makes_the");
    tests.env("PROPTEST_CASES", cases.to_string()).run()?;
    Ok(format!("{cases} cases for each parser"))
}

fn build(shell: &Shell, root: &Path, release: bool) -> Result<PathBuf> {
    let (flag, profile) = if release {
        (Some("--release"), "release")
    } else {
        (None, "debug")
    };
    cmd!(
        shell,
        "cargo build --locked --package web --features postgres-tls {flag...}"
    )
    .run()?;
    Ok(root.join("target").join(profile).join("oc-lettings"))
}
