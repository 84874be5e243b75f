//! All checks that a change must pass.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};

use crate::checks::{self, CheckArgs};
use crate::context::Context;
use crate::outcome::Outcome;
use crate::{coverage, dependency_rules, docs, image, pipeline};

#[derive(clap::Args)]
pub(crate) struct Args {
    /// Build and try the image too.
    #[arg(long)]
    all: bool,
}

type Step = (&'static str, fn(&Context) -> Result<Outcome>);

/// From quick to slow.
const STEPS: &[Step] = &[
    ("fmt", |context| {
        done(checks::fmt(context, &CheckArgs { check: true }))
    }),
    ("dependency-rules", |context| {
        done(dependency_rules::run(context))
    }),
    ("typos", |context| done(checks::typos(context))),
    ("deny", |context| done(checks::deny(context))),
    ("advisories", checks::advisories),
    ("shear", |context| done(checks::shear(context))),
    ("pipeline", pipeline::run),
    ("clippy", |context| done(checks::clippy(context))),
    ("docs", |context| done(docs::run(context))),
    ("schema", |context| {
        done(checks::schema(context, &CheckArgs { check: true }))
    }),
    ("test + coverage", |context| done(coverage::run(context))),
];

fn done(result: Result<()>) -> Result<Outcome> {
    result.map(|()| Outcome::Done)
}

/// Runs every step, also after one has failed, and prints a table.
pub(crate) fn run(context: &Context, args: &Args) -> Result<()> {
    let image: Step = ("image", image::check);
    let mut rows = Vec::new();
    for (name, step) in STEPS.iter().copied().chain(args.all.then_some(image)) {
        eprintln!("\n=== {name}");
        let start = Instant::now();
        let result = step(context);
        if let Err(error) = &result {
            eprintln!("{name} FAILED: {error:#}");
        }
        rows.push(row(name, &result, start.elapsed()));
    }
    println!("\n{:<16} {:<12} {:>7}", "step", "", "seconds");
    println!("{}", rows.join("\n"));
    match rows.iter().filter(|row| row.contains("FAILED")).count() {
        0 => Ok(()),
        failed => bail!("{failed} of {} steps failed", rows.len()),
    }
}

fn row(name: &str, result: &Result<Outcome>, time: Duration) -> String {
    let word = match result {
        Ok(Outcome::Done) => "ok",
        Ok(Outcome::NotChecked) => "not checked",
        Err(_) => "FAILED",
    };
    format!("{name:<16} {word:<12} {:>7.1}", time.as_secs_f64())
}
