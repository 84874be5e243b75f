//! The site of a trial.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, mpsc};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use xshell::{Shell, TempDir, cmd};

/// The password of the superuser `boss`.
pub const PASSWORD: &str = "Sea breeze 42";

/// Time limit for the start.
const PATIENCE: Duration = Duration::from_mins(1);

/// Folder and settings of a site.
pub struct Place<'a> {
    shell: &'a Shell,
    program: &'a Path,
    folder: TempDir,
    settings: Vec<(&'static str, String)>,
}

impl<'a> Place<'a> {
    /// A new folder, with SQLite unless the settings name another database.
    pub fn new(
        shell: &'a Shell,
        program: &'a Path,
        settings: &[(&'static str, String)],
    ) -> Result<Self> {
        let mut all = vec![
            // Always set: the environment may name a real database.
            ("DATABASE_URL", "sqlite://oc-lettings.sqlite3".to_owned()),
            ("APP_ENV", "production".to_owned()),
            ("ALLOWED_HOSTS", "localhost,127.0.0.1".to_owned()),
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

    /// Its folder.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The file of the SQLite database.
    pub fn database(&self) -> PathBuf {
        self.folder().join("oc-lettings.sqlite3")
    }

    /// Runs a command of the program to its end.
    pub fn tell(&self, arguments: &[&str]) -> Result<()> {
        let output = self.command(arguments).output()?;
        ensure!(
            output.status.success(),
            "{arguments:?}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        Ok(())
    }

    /// Adds demo data and a superuser.
    pub fn fill_with_demo_data(&self) -> Result<()> {
        self.tell(&["demo"])?;
        self.tell(&["createsuperuser", "--no-input"])
    }

    /// Starts the site.
    pub fn start(&self) -> Result<Site> {
        Site::start(self.command(&["serve"]))
    }

    /// Starts the site on a port.
    pub fn start_at(&self, port: u16) -> Result<Site> {
        let mut command = self.command(&["serve"]);
        command.env("PORT", port.to_string());
        Site::start(command)
    }

    /// Runs a statement with SQLite's command line, and returns what it prints.
    pub fn sqlite(&self, database: &Path, statement: &str) -> Result<String> {
        let query = cmd!(
            self.shell,
            "sqlite3 -cmd '.timeout 5000' {database} {statement}"
        );
        Ok(query.quiet().read()?)
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(self.program);
        command
            .args(arguments)
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

/// A running site, killed on drop.
pub struct Site {
    child: Child,
    /// Where it listens.
    pub address: SocketAddr,
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
                let mut kept = kept
                    .lock()
                    .expect("no thread panics while it holds the log");
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
        site.address =
            address.with_context(|| format!("the site did not start: {}", site.log()))?;
        Ok(site)
    }

    /// Its log so far.
    pub fn log(&self) -> String {
        self.log
            .lock()
            .expect("no thread panics while it holds the log")
            .clone()
    }

    /// `kill -9`.
    pub fn kill(mut self) -> Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    /// Sends SIGTERM, and waits until it has stopped.
    pub fn stop(mut self, shell: &Shell) -> Result<()> {
        let id = self.child.id().to_string();
        cmd!(shell, "kill -s TERM {id}").quiet().run()?;
        let status = self.child.wait()?;
        ensure!(status.success(), "it ended with {status}: {}", self.log());
        Ok(())
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Resident memory in MB.
    pub fn memory(&self) -> Result<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find(|line| line.starts_with("VmRSS:"));
        let kilobytes: u64 = line
            .and_then(|line| line.split_whitespace().nth(1))
            .context("the process has no VmRSS")?
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
