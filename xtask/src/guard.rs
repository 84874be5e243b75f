//! Ends a server, or removes a folder, when this program lets go of it, or ends in any way at all, even by a Ctrl-C or
//! a kill.
//!
//! The guard is this program once more, waiting at the end of a pipe that only its starter holds open.

use std::ffi::OsString;
use std::io;
use std::path::PathBuf;
use std::process::Child;

use anyhow::{Context, Result};
use clap::Subcommand;

use crate::machine::Machine;
use crate::{postgres, private, webdriver};

#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    server: Server,
}

/// What is to be ended.
#[derive(Subcommand)]
enum Server {
    Postgres { directory: PathBuf },
    Webdriver { port: u16 },
    Folder { path: PathBuf },
}

/// Waits until standard input closes, then ends what it guards.
pub(crate) fn run(machine: &Machine, args: &Args) -> Result<()> {
    io::copy(&mut io::stdin(), &mut io::sink())?;
    match &args.server {
        Server::Postgres { directory } => postgres::end(machine, directory),
        Server::Webdriver { port } => webdriver::end(*port),
        Server::Folder { path } => private::end(path),
    }
}

/// The starter's end of the pipe.
pub(crate) struct Guard(Child);

impl Guard {
    /// Has a server ended, or a folder removed, when the value is dropped.
    pub(crate) fn new(
        machine: &Machine,
        server: &str,
        argument: impl Into<OsString>,
    ) -> Result<Self> {
        let arguments = [server.into(), argument.into()];
        machine
            .start_guard(&arguments)
            .map(Self)
            .with_context(|| format!("no guard for {server}"))
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        if let Err(error) = self.0.wait() {
            eprintln!("what was guarded may still be there: {error}");
        }
    }
}
