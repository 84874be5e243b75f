//! A site under trial.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::{SocketAddr, TcpListener};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, mpsc};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use xshell::{Shell, TempDir, cmd};

/// The password of the superuser `boss`.
pub(crate) const PASSWORD: &str = "Sea breeze 42";

/// A site that does not serve by then never will.
const PATIENCE: Duration = Duration::from_mins(1);

/// Where a site runs, and how.
pub(crate) struct Place<'a> {
    shell: &'a Shell,
    program: &'a Path,
    folder: TempDir,
    settings: Vec<(&'static str, String)>,
}

impl<'a> Place<'a> {
    /// A folder of its own, with SQLite unless the settings say otherwise.
    pub(crate) fn new(
        shell: &'a Shell,
        program: &'a Path,
        settings: &[(&'static str, String)],
    ) -> Result<Self> {
        let mut all = vec![
            // Said in any case: a trial must never write into the database of whoever starts it.
            ("DATABASE_URL", "sqlite://oc-lettings.sqlite3".to_owned()),
            ("APP_ENV", "production".to_owned()),
            ("ALLOWED_HOSTS", "localhost".to_owned()),
            ("PUBLIC_URL", "http://localhost".to_owned()),
            ("SECRET_KEY", "0123456789abcdef0123456789abcdef".to_owned()),
            ("PORT", "0".to_owned()),
            ("RUST_LOG", "info,access=warn".to_owned()),
        ];
        all.extend_from_slice(settings);
        Ok(Self {
            shell,
            program,
            folder: shell.create_temp_dir()?,
            settings: all,
        })
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The file of the database, where it is SQLite in this folder.
    pub(crate) fn database(&self) -> PathBuf {
        self.folder().join("oc-lettings.sqlite3")
    }

    /// Runs a command of the program to its end.
    pub(crate) fn tell(&self, arguments: &[&str]) -> Result<()> {
        let output = self.command(arguments).output()?;
        ensure!(
            output.status.success(),
            "{arguments:?}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        Ok(())
    }

    /// The demo data and a superuser.
    pub(crate) fn furnish(&self) -> Result<()> {
        self.tell(&["demo"])?;
        self.tell(&["createsuperuser", "--no-input"])
    }

    /// Starts the site.
    pub(crate) fn start(&self) -> Result<Site> {
        Site::start(self.command(&["serve"]))
    }

    /// Starts the site on a socket that is held here.
    pub(crate) fn start_on(&self, socket: &TcpListener) -> Result<Site> {
        let mut command = Command::new("/bin/sh");
        command
            .args(["-c", "exec 3<&0 </dev/null; exec \"$0\" serve"])
            .arg(self.program)
            .stdin(Stdio::from(OwnedFd::from(socket.try_clone()?)))
            .env("LISTEN_FDS", "1");
        Site::start(self.at_home(command))
    }

    /// Runs a statement with SQLite's command line, and returns what it prints.
    pub(crate) fn sqlite(&self, database: &Path, statement: &str) -> Result<String> {
        let query = cmd!(
            self.shell,
            "sqlite3 -cmd '.timeout 5000' {database} {statement}"
        );
        Ok(query.quiet().read()?)
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(self.program);
        command.args(arguments);
        self.at_home(command)
    }

    fn at_home(&self, mut command: Command) -> Command {
        command
            .current_dir(self.folder())
            .envs(self.settings.iter().map(|(name, value)| (name, value)))
            .envs([
                ("SUPERUSER_USERNAME", "boss"),
                ("SUPERUSER_EMAIL", "boss@example.org"),
                ("SUPERUSER_PASSWORD", PASSWORD),
            ]);
        command
    }
}

/// A running site, killed when this is dropped.
pub(crate) struct Site {
    child: Child,
    pub(crate) address: SocketAddr,
    log: Arc<Mutex<String>>,
}

impl Site {
    fn start(mut command: Command) -> Result<Self> {
        let mut child = command
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()?;
        let errors = BufReader::new(child.stderr.take().context("it has a pipe")?);
        let log = Arc::new(Mutex::new(String::new()));
        let (sender, receiver) = mpsc::channel();
        let kept = Arc::clone(&log);
        thread::spawn(move || {
            for line in errors.lines().map_while(Result::ok) {
                let address = line
                    .split_once("serving http://")
                    .and_then(|(_, rest)| rest.split('/').next()?.parse().ok());
                if let Some(address) = address {
                    sender.send(address).ok();
                }
                let mut kept = kept.lock().expect("nobody panics with the log");
                kept.push_str(&line);
                kept.push('\n');
            }
        });
        let address = receiver.recv_timeout(PATIENCE);
        let mut site = Self {
            child,
            address: SocketAddr::from(([127, 0, 0, 1], 0)),
            log,
        };
        site.address = address.with_context(|| format!("it does not serve: {}", site.log()))?;
        Ok(site)
    }

    /// What it logged so far.
    pub(crate) fn log(&self) -> String {
        self.log.lock().expect("nobody panics with the log").clone()
    }

    /// `kill -9`.
    pub(crate) fn kill(mut self) -> Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    /// Asks it to stop, and waits until it has.
    pub(crate) fn stop(mut self, shell: &Shell) -> Result<()> {
        let id = self.child.id().to_string();
        cmd!(shell, "kill -s TERM {id}").quiet().run()?;
        let status = self.child.wait()?;
        ensure!(status.success(), "it ended with {status}: {}", self.log());
        Ok(())
    }

    /// How much memory it holds (MB).
    pub(crate) fn memory(&self) -> Result<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find(|line| line.starts_with("VmRSS:"));
        let kilobytes: u64 = line
            .and_then(|line| line.split_whitespace().nth(1))
            .context("the system does not tell")?
            .parse()?;
        Ok(kilobytes / 1024)
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        // After `kill` and `stop` there is nothing left to kill.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}
