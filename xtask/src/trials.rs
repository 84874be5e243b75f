//! The crates `bench` and `soak`, which run for minutes.

use std::ffi::OsString;

use anyhow::Result;

use crate::context::Context;
use crate::services;
use crate::system_packages::{self, BUILD, CADDY, Need, SQLITE, WRK};

#[derive(clap::Args)]
#[command(disable_help_flag = true)]
pub(crate) struct Args {
    /// Options of the crate's own program; `--help` lists them.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<OsString>,
}

pub(crate) fn bench(context: &Context, args: &Args) -> Result<()> {
    run(context, "bench", &["--release"], &[BUILD, WRK], args)
}

pub(crate) fn soak(context: &Context, args: &Args) -> Result<()> {
    run(context, "soak", &[], &[BUILD, CADDY, SQLITE], args)
}

fn run(
    context: &Context,
    name: &str,
    profile: &[&str],
    needs: &[&[Need<'_>]],
    args: &Args,
) -> Result<()> {
    for needs in needs {
        system_packages::require(context, needs)?;
    }
    let run = services::with_postgres(context)?
        .args(["cargo", "run", "--quiet", "--locked", "--package", name])
        .args(profile)
        .arg("--")
        .args(&args.arguments);
    context.run(run)
}
