//! `check`: is everything in place?

use anyhow::{Context, bail};
use clap::Args;
use oc_core::{migrations, version};
use oc_http::DiskSpace;

use super::{health, start, storage};
use crate::config::Config;

/// What `check` can be told.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Only ask the process that serves on this machine whether it is alive
    #[arg(long)]
    health: bool,
}

/// Goes through the settings, the database, write access, room and versions, and fails at the first trouble.
pub(crate) fn run(config: &Config, arguments: &Arguments) -> anyhow::Result<()> {
    if arguments.health {
        return health::ask(config);
    }
    storage::warn(config);
    println!(
        "program: {} ({})",
        env!("CARGO_PKG_VERSION"),
        env!("OC_REVISION")
    );
    println!(
        "settings: ok ({:?}, {})",
        config.environment, config.public_url
    );
    println!("sentry: {}", sentry(config));
    let mut conn = start::open_to_look(config)?;
    let (name, version) = version(&mut conn)?;
    println!("database: ok ({name} {version} at {})", config.database_url);
    let migrations::Status {
        pending, unknown, ..
    } = migrations::status(&mut conn)?;
    if !pending.is_empty() {
        bail!(
            "{} migrations are pending: {}; run `oc-lettings migrate`",
            pending.len(),
            pending.join(", ")
        );
    }
    let newer = unknown.last().map_or_else(String::new, |version| {
        format!("; newer, but compatible: {version}")
    });
    println!("migrations: ok (none pending{newer})");
    if config.read_only {
        println!("write access: not needed (READ_ONLY)");
    } else {
        start::check_writable(&mut conn)?;
        println!("write access: ok");
    }
    if let Some(folder) = config.database_url.folder()
        && !config.read_only
    {
        let space = DiskSpace::at(&folder).with_context(|| {
            format!(
                "cannot read the free space on the disk of {}",
                folder.display()
            )
        })?;
        if !space.is_enough() {
            bail!("the disk of {} is nearly full: {space}", folder.display());
        }
        println!("disk: ok ({space})");
    }
    Ok(())
}

/// Whether errors are reported, and as what.
fn sentry(config: &Config) -> String {
    config.sentry.as_ref().map_or_else(
        || "off (SENTRY_DSN is not set)".to_owned(),
        |sentry| {
            let host = sentry.dsn.0.host();
            format!(
                "on (to {host}, environment {}, release {})",
                sentry.environment, sentry.release
            )
        },
    )
}
