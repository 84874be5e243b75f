//! All that a change must pass, in one command.

use std::time::{Duration, Instant};

use anyhow::{Result, bail, ensure};

use crate::machine::Machine;
use crate::{
    advisories, clippy, coverage, deny, dependency_rules, docs, fmt, image, machete, pipeline,
    rolling, schema, typos, variables,
};

#[derive(clap::Args)]
pub(crate) struct Args {
    /// Also what takes minutes more: build and try the image, and replace both slots under load.
    #[arg(long)]
    all: bool,
}

/// How a step went that did not fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It did all that it is for.
    Done,
    /// It could not look, for a reason that lies outside the project, and said so.
    NotChecked,
}

impl Outcome {
    /// What a chore makes of it that was named by itself. Nobody reads the lines of a pipeline that is green, so what
    /// could not look is an error there.
    pub(crate) fn alone(self, machine: &Machine) -> Result<()> {
        let in_a_pipeline = machine
            .variable(&variables::CI)
            .is_some_and(|value| value != "false");
        ensure!(
            self == Self::Done || !in_a_pipeline,
            "not all was checked, for the reason above, and where the variable CI is set that is an error: \
             mend what is missing, or start this again if a host was out of reach"
        );
        Ok(())
    }
}

/// A step: its name and what it does.
type Step = (&'static str, fn(&Machine, &Args) -> Result<Outcome>);

/// From quick to slow. The tests run once, in the step that also counts the lines that they reach.
const STEPS: [Step; 13] = [
    ("fmt", |machine, _| {
        done(fmt::run(machine, &fmt::Args { check: true }))
    }),
    ("clippy", |machine, _| done(clippy::run(machine))),
    ("dependencies", |machine, _| {
        done(dependency_rules::run(
            machine,
            &dependency_rules::Args::default(),
        ))
    }),
    ("typos", |machine, _| done(typos::run(machine))),
    ("deny", |machine, _| done(deny::run(machine))),
    ("advisories", |machine, _| advisories::run(machine)),
    ("machete", |machine, _| done(machete::run(machine))),
    ("pipeline", |machine, _| pipeline::run(machine)),
    ("schema", |machine, _| {
        done(schema::run(machine, &schema::Args { check: true }))
    }),
    ("test + coverage", |machine, _| done(coverage::run(machine))),
    ("docs", |machine, _| {
        done(docs::run(machine, &docs::Args::default()))
    }),
    ("rolling", |machine, args| {
        only_with_all(args, || {
            done(rolling::run(machine, &rolling::Args::default()))
        })
    }),
    ("image", |machine, args| {
        only_with_all(args, || image::check(machine))
    }),
];

fn done(result: Result<()>) -> Result<Outcome> {
    result.map(|()| Outcome::Done)
}

/// A step that takes minutes, and so waits to be asked for.
fn only_with_all(args: &Args, step: impl FnOnce() -> Result<Outcome>) -> Result<Outcome> {
    if args.all {
        return step();
    }
    eprintln!("not checked: this takes minutes, and `cargo xtask ci --all` does it");
    Ok(Outcome::NotChecked)
}

/// Does every step, whatever became of the one before, and fails if one of them did.
pub(crate) fn run(machine: &Machine, args: &Args) -> Result<()> {
    let mut rows = Vec::new();
    for (name, step) in STEPS {
        eprintln!("\n=== {name}");
        let start = Instant::now();
        let result = step(machine, args);
        if let Err(error) = &result {
            eprintln!("{name} FAILED: {error:#}");
        }
        rows.push((name, result, start.elapsed()));
    }

    println!("\n{:<16} {:<12} {:>7}", "step", "", "seconds");
    for (name, result, time) in &rows {
        println!("{}", row(name, result, *time));
    }
    match rows.iter().filter(|(_, result, _)| result.is_err()).count() {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_chore_could_not_check_is_an_error_in_a_pipeline() -> Result<()> {
        let machine = Machine::new(false, variables::of("ci"))?;
        for (variable, is_pipeline) in [("true", true), ("1", true), ("false", false), ("", false)]
        {
            machine.shell.set_var("CI", variable);

            assert!(Outcome::Done.alone(&machine).is_ok());
            let not_checked = Outcome::NotChecked.alone(&machine);
            assert_eq!(not_checked.is_err(), is_pipeline, "CI={variable}");
        }
        Ok(())
    }

    #[test]
    fn a_row_tells_how_the_step_went() {
        let time = Duration::from_millis(1250);

        assert_eq!(
            row("fmt", &Ok(Outcome::Done), time),
            "fmt              ok               1.2"
        );
        assert_eq!(
            row("advisories", &Ok(Outcome::NotChecked), time),
            "advisories       not checked      1.2"
        );
        assert_eq!(
            row("docs", &Err(anyhow::anyhow!("no")), time),
            "docs             FAILED           1.2"
        );
    }
}
