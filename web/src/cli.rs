//! The command line: what can be asked for, and how an answer becomes an exit code.

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::commands::{
    self, backup, change_password, check, copy, create_superuser, demo, import_django, migrate,
    openapi, reset_factor, restore, serve, verify,
};
use crate::config::{self, Config};
use crate::telemetry;

/// Orange County Lettings: the site of a company that lets holiday homes.
#[derive(Debug, Parser)]
#[command(name = "oc-lettings", version, after_long_help = config::help(), after_help = config::help())]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Bring the database up to date and serve the site (what happens without a command)
    #[command(after_help = config::help())]
    Serve(serve::Arguments),
    /// Bring the database up to date
    #[command(after_help = config::help())]
    Migrate(migrate::Arguments),
    /// Check the settings, the database, write access and versions
    #[command(after_help = config::help())]
    Check(check::Arguments),
    /// Make an account with every right
    #[command(name = "createsuperuser", after_help = config::help())]
    CreateSuperuser(create_superuser::Arguments),
    /// Give an account another password
    #[command(name = "changepassword", after_help = config::help())]
    ChangePassword(change_password::Arguments),
    /// Turn off the second factor of an account whose phone is lost, and end its sessions
    #[command(name = "resetfactor", after_help = config::help())]
    ResetFactor(reset_factor::Arguments),
    /// Print the description of what machines may ask, as `OpenAPI`
    #[command(name = "openapi", after_help = config::help())]
    OpenApi,
    /// Fill the database with demo lettings and profiles, the same at each run
    #[command(after_help = config::help())]
    Demo(demo::Arguments),
    /// Move everything over from a Django edition of the site
    #[command(after_help = config::help())]
    ImportDjango(import_django::Arguments),
    /// Write every row into one file, while the site goes on
    #[command(after_help = config::help())]
    Backup(backup::Arguments),
    /// Put a backup into an empty database
    #[command(after_help = config::help())]
    Restore(restore::Arguments),
    /// Read a backup and check that it is whole
    #[command(after_help = config::help())]
    Verify(verify::Arguments),
    /// Copy every row between two databases, SQLite or PostgreSQL
    #[command(after_help = config::help())]
    Copy(copy::Arguments),
}

impl Command {
    /// Whether it is of no use where nothing may be written.
    fn writes(&self) -> bool {
        match self {
            Self::CreateSuperuser(_)
            | Self::ChangePassword(_)
            | Self::ResetFactor(_)
            | Self::Demo(_)
            | Self::ImportDjango(_)
            | Self::Restore(_) => true,
            Self::Migrate(arguments) => !arguments.check,
            _ => false,
        }
    }
}

/// Runs the command that was asked for. 0: done; 1: failed, the reason on standard error; 2: wrong usage.
#[must_use]
pub fn main() -> ExitCode {
    let command = Arguments::parse()
        .command
        .unwrap_or(Command::Serve(serve::Arguments::default()));
    match run(command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{}", commands::report(&error));
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
    if command.writes() {
        commands::check_may_write(config)?;
    }
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
        Command::OpenApi => openapi::run(),
    }
}
