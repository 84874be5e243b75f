//! Chores for people and CI: `cargo xtask --help`.
//!
//! Each chore is a file with its `Args` and one `run`. What it needs and does not find it installs where it can.

mod advisories;
mod bench;
mod ci;
mod clippy;
mod coverage;
mod deny;
mod dependency_rules;
mod deploy;
mod docs;
mod figures;
mod fmt;
mod guard;
mod http;
mod image;
mod machete;
mod machine;
mod needs;
mod pipeline;
mod postgres;
mod private;
mod rolling;
mod schema;
mod services;
mod soak;
mod test;
mod tools;
mod typos;
mod units;
mod variables;
mod webdriver;

use std::process::ExitCode;

use anyhow::Result;
use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};

use crate::machine::Machine;

#[derive(Parser)]
#[command(
    name = "cargo xtask",
    bin_name = "cargo xtask",
    about = "Chores for people and CI"
)]
struct Cli {
    /// Install missing system packages through sudo (as root that is done anyway).
    #[arg(long, global = true)]
    install: bool,

    #[command(subcommand)]
    chore: Chore,
}

#[derive(Subcommand)]
enum Chore {
    /// Do all that a change must pass, and print a table of how it went.
    Ci(ci::Args),
    /// Format the code, or check that it is formatted.
    Fmt(fmt::Args),
    /// Lint all targets; a warning is an error.
    Clippy,
    /// Check the modules of each crate for import cycles.
    DependencyRules(dependency_rules::Args),
    /// Look for spelling mistakes.
    Typos,
    /// Check the licences, bans and sources of all dependencies.
    Deny,
    /// Look for known security advisories against the dependencies.
    Advisories,
    /// Look for dependencies that no crate uses.
    Machete,
    /// Print the schema that queries are checked against, or check that it is that of the migrations.
    Schema(schema::Args),
    /// Run the tests on both databases and in a browser.
    Test(test::Args),
    /// Run the same tests, and tell how many lines they reach.
    Coverage,
    /// Build the documentation of the code and the book; a warning or a dead link is an error.
    Docs(docs::Args),
    /// Lint the workflows, the Dockerfile, the files of the deploys and the scripts.
    Pipeline,
    /// Measure how fast pages come, against the plainest answer there is.
    Bench(bench::Args),
    /// Build the image of the commit that is checked out; try it, describe it, push it.
    Image(image::Args),
    /// Release the image of a commit, and go back if the site does not answer with it.
    Deploy(deploy::Args),
    /// Replace both slots behind a proxy while visitors come, and count what fails.
    Rolling(rolling::Args),
    /// Go back to an earlier commit.
    Rollback(deploy::RollbackArgs),
    /// Kill, restart, starve and crowd the site for minutes, and see whether it keeps its word.
    Soak(soak::Args),
    /// Run a command with a throw-away PostgreSQL server in `TEST_POSTGRES_URL`.
    Postgres(postgres::Args),
    /// Wait until standard input closes, then end a server or remove a folder.
    #[command(hide = true)]
    Guard(guard::Args),
}

fn main() -> ExitCode {
    let matches = variables::describe(Cli::command()).get_matches();
    let result = match Cli::from_arg_matches(&matches) {
        Ok(cli) => run(cli, matches.subcommand_name().unwrap_or_default()),
        Err(error) => error.exit(),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(cli: Cli, chore: &str) -> Result<()> {
    let machine = Machine::new(cli.install, variables::of(chore))?;
    match cli.chore {
        Chore::Ci(args) => ci::run(&machine, &args),
        Chore::Fmt(args) => fmt::run(&machine, &args),
        Chore::Clippy => clippy::run(&machine),
        Chore::DependencyRules(args) => dependency_rules::run(&machine, &args),
        Chore::Typos => typos::run(&machine),
        Chore::Deny => deny::run(&machine),
        Chore::Advisories => advisories::run(&machine)?.alone(&machine),
        Chore::Machete => machete::run(&machine),
        Chore::Schema(args) => schema::run(&machine, &args),
        Chore::Test(args) => test::run(&machine, &args),
        Chore::Coverage => coverage::run(&machine),
        Chore::Docs(args) => docs::run(&machine, &args),
        Chore::Pipeline => pipeline::run(&machine)?.alone(&machine),
        Chore::Bench(args) => bench::run(&machine, &args),
        Chore::Image(args) => image::run(&machine, &args),
        Chore::Deploy(args) => deploy::run(&machine, &args),
        Chore::Rolling(args) => rolling::run(&machine, &args),
        Chore::Rollback(args) => deploy::rollback(&machine, &args),
        Chore::Soak(args) => soak::run(&machine, &args),
        Chore::Postgres(args) => postgres::run(&machine, &args),
        Chore::Guard(args) => guard::run(&machine, &args),
    }
}
