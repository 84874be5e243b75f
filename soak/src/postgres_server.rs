//! The throw-away PostgreSQL server that `cargo xtask soak` starts with `pg_virtualenv`.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use xshell::{Shell, cmd};

/// The server; `pg_virtualenv` removes it.
pub(crate) struct PostgresServer<'a> {
    shell: &'a Shell,
    version: String,
    name: String,
    pub(crate) port: String,
    data: String,
    /// Its empty database.
    pub(crate) url: String,
}

impl<'a> PostgresServer<'a> {
    /// The server that `pg_lsclusters` lists first inside `pg_virtualenv`.
    pub(crate) fn find(shell: &'a Shell) -> Result<Self> {
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
            shell,
            version: field(0)?,
            name: field(1)?,
            port: field(2)?,
            data: field(5)?,
            url,
        })
    }

    /// Creates a database, and returns its URL.
    pub(crate) fn create_database(&self, name: &str) -> Result<String> {
        self.execute(&format!("CREATE DATABASE {name}"))?;
        let server = self.url.strip_suffix("postgres");
        Ok(server
            .context("the server's URL names no database")?
            .to_owned()
            + name)
    }

    fn execute(&self, statement: &str) -> Result<()> {
        let Self { shell, url, .. } = self;
        let psql = cmd!(
            shell,
            "psql --quiet --output=/dev/null {url} --command {statement}"
        );
        Ok(psql.quiet().run()?)
    }

    /// Allows connections to a database, or ends all and refuses new ones.
    pub(crate) fn allow_connections(&self, name: &str, allow: bool) -> Result<()> {
        self.execute(&format!("ALTER DATABASE {name} ALLOW_CONNECTIONS {allow}"))?;
        let end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity";
        self.execute(&format!("{end} WHERE NOT {allow} AND datname = '{name}'"))
    }

    /// Starts a standby. From now on each commit waits for it.
    pub(crate) fn create_standby(&self) -> Result<Self> {
        let Self {
            shell,
            version,
            data,
            url,
            ..
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
            shell,
            version: version.clone(),
            name: "standby".to_owned(),
            url: url.replace(&format!(":{}/", self.port), &format!(":{port}/")),
            port,
            data: standby,
        };
        standby.start()?;
        self.configure("SET synchronous_standby_names = '*'")?;
        self.configure("SET synchronous_commit = on")?;
        Ok(standby)
    }

    /// Changes a setting with ALTER SYSTEM.
    pub(crate) fn configure(&self, setting: &str) -> Result<()> {
        self.execute(&format!("ALTER SYSTEM {setting}"))?;
        self.execute("SELECT pg_reload_conf()")
    }

    /// Makes a standby a primary.
    pub(crate) fn promote(&self) -> Result<()> {
        self.execute("SELECT pg_promote()")
    }

    /// Removes a standby.
    pub(crate) fn drop_cluster(&self) -> Result<()> {
        let (version, name) = (&self.version, &self.name);
        let drop = cmd!(self.shell, "pg_dropcluster --stop {version} {name}");
        Ok(drop.quiet().run()?)
    }

    /// Starts it again.
    pub(crate) fn start(&self) -> Result<()> {
        self.control(&["start"])
    }

    /// Stops it and cuts off its clients.
    pub(crate) fn stop(&self) -> Result<()> {
        self.control(&["stop", "--mode=fast"])
    }

    /// Ends it as a crash does.
    pub(crate) fn crash(&self) -> Result<()> {
        self.control(&["stop", "--mode=immediate"])
    }

    fn control(&self, action: &[&str]) -> Result<()> {
        let (version, name) = (&self.version, &self.name);
        let control = cmd!(self.shell, "pg_ctlcluster {version} {name} {action...}");
        Ok(control.quiet().run()?)
    }

    /// Pauses all of its processes until the value is dropped: connections stay open, queries get no reply.
    pub(crate) fn freeze(&self) -> Result<Frozen<'a>> {
        let pid_file = Path::new(&self.data).join("postmaster.pid");
        let pid_file = fs::read_to_string(&pid_file).context("could not read the server's pid")?;
        let pid = pid_file.lines().next().unwrap_or_default().to_owned();
        let frozen = Frozen {
            shell: self.shell,
            pid,
        };
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
