//! The throw-away PostgreSQL server that `cargo xtask soak` starts with `pg_virtualenv`.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use xshell::{Shell, cmd};

/// The server; `pg_virtualenv` removes it.
pub(crate) struct PostgresServer {
    version: String,
    name: String,
    data: String,
    /// Its empty database.
    pub(crate) url: String,
}

impl PostgresServer {
    /// The only server that `pg_lsclusters` lists inside `pg_virtualenv`.
    pub(crate) fn find(shell: &Shell) -> Result<Self> {
        let url = shell
            .var("TEST_POSTGRES_URL")
            .context("start it with `cargo xtask soak`")?;
        let clusters = cmd!(shell, "pg_lsclusters --no-header").quiet().read()?;
        let fields: Vec<&str> = clusters.split_whitespace().collect();
        let field = |index: usize| {
            let field = fields.get(index).context("pg_lsclusters lists no server")?;
            anyhow::Ok((*field).to_owned())
        };
        Ok(Self {
            version: field(0)?,
            name: field(1)?,
            data: field(5)?,
            url,
        })
    }

    /// Starts it again.
    pub(crate) fn start(&self, shell: &Shell) -> Result<()> {
        let Self { version, name, .. } = self;
        let start = cmd!(shell, "pg_ctlcluster {version} {name} start");
        Ok(start.quiet().run()?)
    }

    /// Stops it and cuts off its clients.
    pub(crate) fn stop(&self, shell: &Shell) -> Result<()> {
        let Self { version, name, .. } = self;
        let stop = cmd!(shell, "pg_ctlcluster {version} {name} stop --mode=fast");
        Ok(stop.quiet().run()?)
    }

    /// Pauses all of its processes until the value is dropped: connections stay open, queries get no reply.
    pub(crate) fn freeze<'a>(&self, shell: &'a Shell) -> Result<Frozen<'a>> {
        let pid_file = Path::new(&self.data).join("postmaster.pid");
        let pid_file = fs::read_to_string(&pid_file).context("could not read the server's pid")?;
        let pid = pid_file.lines().next().unwrap_or_default().to_owned();
        let frozen = Frozen { shell, pid };
        // The parent first: it starts the others.
        frozen.signal("STOP")?;
        Ok(frozen)
    }
}

/// A paused server.
pub(crate) struct Frozen<'a> {
    shell: &'a Shell,
    pid: String,
}

impl Frozen<'_> {
    fn signal(&self, signal: &str) -> Result<()> {
        let Self { shell, pid } = self;
        cmd!(shell, "kill -s {signal} {pid}").quiet().run()?;
        let children = cmd!(shell, "pkill --signal {signal} --parent {pid}");
        Ok(children.quiet().run()?)
    }
}

impl Drop for Frozen<'_> {
    fn drop(&mut self) {
        if let Err(error) = self.signal("CONT") {
            eprintln!("could not resume PostgreSQL: {error:#}");
        }
    }
}
