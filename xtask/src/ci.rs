//! All checks that a change must pass.

use std::time::Instant;

use anyhow::{Result, bail};

use crate::checks::{self, CheckArgs};
use crate::context::Context;
use crate::{dependency_rules, image, pipeline};

#[derive(clap::Args)]
pub(crate) struct Args {
    /// Build and try the image too.
    #[arg(long)]
    all: bool,
}

type Step = (&'static str, fn(&Context) -> Result<()>);

/// From quick to slow.
const STEPS: &[Step] = &[
    ("fmt", |context| {
        checks::fmt(context, &CheckArgs { check: true })
    }),
    ("dependency-rules", dependency_rules::run),
    ("typos", checks::typos),
    ("deny", checks::deny),
    ("advisories", checks::advisories),
    ("shear", checks::shear),
    ("pipeline", pipeline::run),
    ("clippy", checks::clippy),
    ("docs", checks::docs),
    ("schema", |context| {
        checks::schema(context, &CheckArgs { check: true })
    }),
    ("test + coverage", checks::coverage),
];

/// Runs every step, also after one has failed, and prints a table.
pub(crate) fn run(context: &Context, args: &Args) -> Result<()> {
    let image: Step = ("image", image::check);
    let mut rows = Vec::new();
    for (name, step) in STEPS.iter().copied().chain(args.all.then_some(image)) {
        eprintln!("\n=== {name}");
        let start = Instant::now();
        let result = step(context);
        let skipped = context.skipped.take();
        let word = match result {
            Ok(()) if skipped => "not checked",
            Ok(()) => "ok",
            Err(error) => {
                eprintln!("{name} FAILED: {error:#}");
                "FAILED"
            }
        };
        let seconds = start.elapsed().as_secs_f64();
        rows.push(format!("{name:<16} {word:<12} {seconds:>7.1}"));
    }
    println!("\n{:<16} {:<12} {:>7}", "step", "", "seconds");
    println!("{}", rows.join("\n"));
    match rows.iter().filter(|row| row.contains("FAILED")).count() {
        0 => Ok(()),
        failed => bail!("{failed} of {} steps failed", rows.len()),
    }
}
