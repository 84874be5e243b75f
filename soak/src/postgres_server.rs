//! The throw-away PostgreSQL server that `cargo xtask soak` starts with `pg_virtualenv`.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use xshell::{Shell, cmd};

/// The server; `pg_virtualenv` removes it.
pub(crate) struct PostgresServer {
    version: String,
    name: String,
    pub(crate) port: String,
    data: String,
    /// Its empty database.
    pub(crate) url: String,
}

impl PostgresServer {
    /// The server that `pg_lsclusters` lists first inside `pg_virtualenv`.
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
            port: field(2)?,
            data: field(5)?,
            url,
        })
    }

    /// Creates a database, and returns its URL.
    pub(crate) fn create_database(&self, shell: &Shell, name: &str) -> Result<String> {
        self.execute(shell, &format!("CREATE DATABASE {name}"))?;
        let server = self.url.strip_suffix("postgres");
        Ok(server
            .context("the server's URL names no database")?
            .to_owned()
            + name)
    }

    fn execute(&self, shell: &Shell, statement: &str) -> Result<()> {
        let url = &self.url;
        let psql = cmd!(
            shell,
            "psql --quiet --output=/dev/null {url} --command {statement}"
        );
        Ok(psql.quiet().run()?)
    }

    /// Allows connections to a database, or ends all and refuses new ones.
    pub(crate) fn allow_connections(&self, shell: &Shell, name: &str, allow: bool) -> Result<()> {
        self.execute(
            shell,
            &format!("ALTER DATABASE {name} ALLOW_CONNECTIONS {allow}"),
        )?;
        let end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity";
        self.execute(
            shell,
            &format!("{end} WHERE NOT {allow} AND datname = '{name}'"),
        )
    }

    /// Starts a standby. From now on each commit waits for it.
    pub(crate) fn create_standby(&self, shell: &Shell) -> Result<Self> {
        let Self {
            version, data, url, ..
        } = self;
        let standby = format!("{data}-standby");
        let log = format!("{standby}.log");
        let options = [
            "--pgoption=max_connections=300",
            "--pgoption=listen_addresses=localhost",
        ];
        cmd!(shell, "pg_createcluster --quiet --datadir={standby} --logfile={log} {options...} {version} standby")
            .quiet()
            .run()?;
        shell.remove_path(&standby)?;
        cmd!(shell, "pg_basebackup --dbname={url} --pgdata={standby} --write-recovery-conf --checkpoint=fast")
            .quiet()
            .run()?;
        cmd!(shell, "chown --recursive --reference={data} {standby}")
            .quiet()
            .run()?;
        let port = cmd!(shell, "pg_conftool --short {version} standby show port")
            .quiet()
            .read()?;
        let standby = Self {
            version: version.clone(),
            name: "standby".to_owned(),
            url: url.replace(&format!(":{}/", self.port), &format!(":{port}/")),
            port,
            data: standby,
        };
        standby.start(shell)?;
        self.configure(shell, "SET synchronous_standby_names = '*'")?;
        self.configure(shell, "SET synchronous_commit = on")?;
        Ok(standby)
    }

    /// Changes a setting with ALTER SYSTEM.
    pub(crate) fn configure(&self, shell: &Shell, setting: &str) -> Result<()> {
        self.execute(shell, &format!("ALTER SYSTEM {setting}"))?;
        self.execute(shell, "SELECT pg_reload_conf()")
    }

    /// Makes a standby a primary.
    pub(crate) fn promote(&self, shell: &Shell) -> Result<()> {
        self.execute(shell, "SELECT pg_promote()")
    }

    /// Removes a standby.
    pub(crate) fn drop_cluster(&self, shell: &Shell) -> Result<()> {
        let Self { version, name, .. } = self;
        let drop = cmd!(shell, "pg_dropcluster --stop {version} {name}");
        Ok(drop.quiet().run()?)
    }

    /// Starts it again.
    pub(crate) fn start(&self, shell: &Shell) -> Result<()> {
        let Self { version, name, .. } = self;
        let start = cmd!(shell, "pg_ctlcluster {version} {name} start");
        Ok(start.quiet().run()?)
    }

    /// Stops it and cuts off its clients.
    pub(crate) fn stop(&self, shell: &Shell) -> Result<()> {
        self.end(shell, "fast")
    }

    /// Ends it as a crash does.
    pub(crate) fn crash(&self, shell: &Shell) -> Result<()> {
        self.end(shell, "immediate")
    }

    fn end(&self, shell: &Shell, mode: &str) -> Result<()> {
        let Self { version, name, .. } = self;
        let stop = cmd!(shell, "pg_ctlcluster {version} {name} stop --mode={mode}");
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
