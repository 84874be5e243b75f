//! The command line.

use std::io::{self, Write};
use std::process::ExitCode;

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};

use crate::commands::{
    backup, change_password, check, copy, create_superuser, demo, import_django, migrate, report,
    reset_factor, restore, serve, verify,
};
use crate::config::{self, Config};
use crate::telemetry;

/// Orange County Lettings: holiday homes in Orange County, California.
#[derive(Parser)]
#[command(name = "oc-lettings", version)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Run migrations and serve the site (the default command)
    Serve(serve::Arguments),
    /// Run migrations
    Migrate(migrate::Arguments),
    /// Check settings, database, write access, pages and versions
    Check(check::Arguments),
    /// Create a superuser
    #[command(name = "createsuperuser")]
    CreateSuperuser(create_superuser::Arguments),
    /// Change a user's password
    #[command(name = "changepassword")]
    ChangePassword(change_password::Arguments),
    /// Turn off a user's two-factor authentication and end their sessions
    #[command(name = "resetfactor")]
    ResetFactor(reset_factor::Arguments),
    /// Fill the database with demo lettings and profiles
    Demo(demo::Arguments),
    /// Import a Django edition of the site into an empty database
    ImportDjango(import_django::Arguments),
    /// Back up the database to a file (the site keeps running)
    Backup(backup::Arguments),
    /// Restore a backup into an empty database
    Restore(restore::Arguments),
    /// Verify that a backup is complete and undamaged
    Verify(verify::Arguments),
    /// Copy all rows between two databases, SQLite or PostgreSQL
    Copy(copy::Arguments),
}

/// Runs the command. Exit codes: 0 done, 1 failed with the reason on standard error, 2 wrong usage.
#[must_use]
pub fn main() -> ExitCode {
    let command = Arguments::command()
        .after_help(config::help())
        .mut_subcommands(|subcommand| subcommand.after_help(config::help()));
    let arguments =
        Arguments::from_arg_matches(&command.get_matches()).unwrap_or_else(|error| error.exit());
    let command = arguments
        .command
        .unwrap_or(Command::Serve(serve::Arguments::default()));
    match run(command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Nobody may be reading.
            writeln!(io::stderr(), "{}", report(&error)).ok();
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> anyhow::Result<()> {
    let config = Config::from_env()?;
    let _guard = telemetry::start(&config);
    execute(command, &config).inspect_err(|error| {
        sentry_anyhow::capture_anyhow(error);
    })
}

fn execute(command: Command, config: &Config) -> anyhow::Result<()> {
    match command {
        Command::Serve(arguments) => serve::run(config, &arguments),
        Command::Migrate(arguments) => migrate::run(config, &arguments),
        Command::CreateSuperuser(arguments) => create_superuser::run(config, &arguments),
        Command::ChangePassword(arguments) => change_password::run(config, &arguments),
        Command::ResetFactor(arguments) => reset_factor::run(config, &arguments),
        Command::Check(arguments) => check::run(config, &arguments),
        Command::Demo(arguments) => demo::run(config, &arguments),
        Command::ImportDjango(arguments) => import_django::run(config, &arguments),
        Command::Backup(arguments) => backup::run(config, &arguments),
        Command::Restore(arguments) => restore::run(config, &arguments),
        Command::Verify(arguments) => verify::run(&arguments),
        Command::Copy(arguments) => copy::run(&arguments),
    }
}
