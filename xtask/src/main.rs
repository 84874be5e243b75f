//! Tasks for developers and CI: `cargo xtask --help`.
//!
//! Each task is a module with its `Args` and one `run`. It installs what it needs where it can.

mod checks;
mod ci;
mod context;
mod dependency_rules;
mod deploy;
mod http;
mod image;
mod pipeline;
mod services;
mod system_packages;
mod tools;
mod variables;

use std::process::ExitCode;

use anyhow::Result;
use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};

use crate::context::Context;

#[derive(Parser)]
#[command(
    name = "cargo xtask",
    bin_name = "cargo xtask",
    about = "Tasks for developers and CI"
)]
struct Cli {
    /// Install missing system packages with sudo (root needs no option).
    #[arg(long, global = true)]
    install: bool,

    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Run all checks that a change must pass, and print a table.
    Ci(ci::Args),
    /// Format the code.
    Fmt(checks::CheckArgs),
    /// Lint all targets; a warning is an error.
    Clippy,
    /// Check the modules of each crate for import cycles.
    DependencyRules,
    /// Check the spelling.
    Typos,
    /// Check licences and sources of dependencies, and which crate depends on which.
    Deny,
    /// Check dependencies for security advisories.
    Advisories,
    /// Find unused dependencies.
    Shear,
    /// Print each crate's schema.rs from the migrations.
    Schema(checks::CheckArgs),
    /// Run the tests on both databases and in a browser.
    Test(checks::TestArgs),
    /// Run the tests, and measure their line coverage.
    Coverage,
    /// Build the documentation of the code and the guides; a warning or a dead link is an error.
    Docs,
    /// Lint workflows, the Dockerfile, deployment files and scripts.
    Pipeline,
    /// Compare the site's speed with that of a bare server.
    Bench(checks::TrialArgs),
    /// Kill, restart, starve and crowd the site for minutes.
    Soak(checks::TrialArgs),
    /// Build the image of the commit that is checked out.
    Image(image::Args),
    /// Release the image of a commit, and go back if the site does not answer with it.
    Deploy(deploy::Args),
    /// Release the image of an earlier commit.
    Rollback(deploy::RollbackArgs),
    /// Run a command with a temporary PostgreSQL server in `TEST_POSTGRES_URL`.
    Postgres(services::PostgresArgs),
}

fn main() -> ExitCode {
    let matches = variables::document(Cli::command()).get_matches();
    let result = match Cli::from_arg_matches(&matches) {
        Ok(cli) => run(cli),
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

fn run(cli: Cli) -> Result<()> {
    let context = &Context::new(cli.install)?;
    match cli.task {
        Task::Ci(args) => ci::run(context, &args),
        Task::Fmt(args) => checks::fmt(context, &args),
        Task::Clippy => checks::clippy(context),
        Task::DependencyRules => dependency_rules::run(context),
        Task::Typos => checks::typos(context),
        Task::Deny => checks::deny(context),
        Task::Advisories => checks::advisories(context),
        Task::Shear => checks::shear(context),
        Task::Schema(args) => checks::schema(context, &args),
        Task::Test(args) => checks::test(context, &args),
        Task::Coverage => checks::coverage(context),
        Task::Docs => checks::docs(context),
        Task::Pipeline => pipeline::run(context),
        Task::Bench(args) => checks::bench(context, &args),
        Task::Soak(args) => checks::soak(context, &args),
        Task::Image(args) => image::run(context, &args),
        Task::Deploy(args) => deploy::run(context, &args),
        Task::Rollback(args) => deploy::rollback(context, &args),
        Task::Postgres(args) => services::run_with_postgres(context, &args),
    }?;
    context.require_checks()
}
