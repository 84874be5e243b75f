//! The built program, and the output of a run.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Read};
use std::net::{SocketAddr, TcpListener};
use std::os::fd::OwnedFd;
use std::path::Path;
use std::process::{Child, ChildStderr, Command, Output, Stdio};

use anyhow::{Context, Result};
use oc_core::testing::TestDb;
use oc_core::{DatabaseUrl, DbConnection, open};
use tempfile::TempDir;

use crate::http::{Connection, Response, request};
use crate::support::assert_contains_all;

/// `DATABASE_URL` of a test database.
pub(super) fn setting(db: &TestDb) -> String {
    match db.url() {
        DatabaseUrl::Sqlite(path) => format!("sqlite://{}", path.display()),
        DatabaseUrl::Postgres(url) => url.clone(),
    }
}

pub(super) struct Program {
    folder: TempDir,
    settings: Vec<(String, String)>,
}

#[derive(Debug)]
pub(super) struct Run {
    pub(super) code: Option<i32>,
    pub(super) out: String,
    pub(super) errors: String,
}

impl Run {
    fn of(output: Output) -> Result<Self> {
        Ok(Self {
            code: output.status.code(),
            out: String::from_utf8(output.stdout)?,
            errors: String::from_utf8(output.stderr)?,
        })
    }

    #[track_caller]
    pub(super) fn assert_succeeded(&self) {
        assert_eq!(self.code, Some(0), "{}{}", self.out, self.errors);
    }

    /// Asserts that it failed with these words in its error.
    #[track_caller]
    pub(super) fn assert_failed(&self, words: &str) {
        assert_eq!(self.code, Some(1), "{}{}", self.out, self.errors);
        assert_contains_all(&self.errors, words);
    }
}

impl Program {
    pub(super) fn new() -> Result<Self> {
        Self::with(&[])
    }

    pub(super) fn with(settings: &[(&str, &str)]) -> Result<Self> {
        let settings = settings
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Ok(Self {
            folder: tempfile::tempdir()?,
            settings: settings.collect(),
        })
    }

    /// The database in its folder.
    pub(super) fn database(&self) -> Result<DbConnection> {
        let path = self.folder().join("oc-lettings.sqlite3");
        Ok(open(&DatabaseUrl::Sqlite(path))?)
    }

    pub(super) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(super) fn run(&self, arguments: &[&str]) -> Result<Run> {
        Run::of(self.command(arguments).output()?)
    }

    /// Runs a shell script in which `$0` is the program.
    pub(super) fn shell(&self, script: &str) -> Result<Run> {
        Run::of(self.command_through("/bin/sh", &["-c", script]).output()?)
    }

    pub(super) fn run_with(
        &self,
        settings: &[(&str, impl AsRef<OsStr>)],
        arguments: &[&str],
    ) -> Result<Run> {
        let mut command = self.command(arguments);
        command.envs(settings.iter().map(|(name, value)| (name, value)));
        Run::of(command.output()?)
    }

    /// Runs it with these lines on its standard input.
    pub(super) fn run_with_input(&self, arguments: &str, answers: &str) -> Result<Run> {
        self.shell(&format!("printf '{answers}' | \"$0\" {arguments}"))
    }

    /// Runs it with a limit on the size of files (KiB), as on a full disk.
    pub(super) fn run_on_full_disk(&self, kibibytes: u32, arguments: &str) -> Result<Run> {
        let blocks = 2 * kibibytes;
        self.shell(&format!(
            "trap '' XFSZ; ulimit -f {blocks}; exec \"$0\" {arguments}"
        ))
    }

    /// Starts `serve` on a free port, and waits until it serves.
    pub(super) fn serve(&self, arguments: &[&str]) -> Result<Serving> {
        let mut command = self.command(arguments);
        command.env("PORT", "0");
        Self::start(command)
    }

    /// Starts `serve` with socket activation.
    pub(super) fn serve_on(&self, socket: &TcpListener) -> Result<Serving> {
        let line = "exec 3<&0 </dev/null; exec \"$0\" serve";
        let mut command = self.command_through("/bin/sh", &["-c", line]);
        command
            .env("LISTEN_FDS", "1")
            .stdin(Stdio::from(OwnedFd::from(socket.try_clone()?)));
        Self::start(command)
    }

    /// Starts `serve` on a free port through another program, which gets ours after its own arguments.
    pub(super) fn serve_through(&self, runner: &str, arguments: &[&str]) -> Result<Serving> {
        let mut command = self.command_through(runner, arguments);
        command.env("PORT", "0");
        Self::start(command)
    }

    fn start(mut command: Command) -> Result<Serving> {
        let mut child = command
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()?;
        let errors = child.stderr.take().context("stderr is piped")?;
        let mut serving = Serving {
            child,
            errors: BufReader::new(errors),
            log: String::new(),
            address: SocketAddr::from(([127, 0, 0, 1], 0)),
        };
        serving.wait_for_log("serving http://")?;
        let address = serving.log.rsplit("serving http://").next();
        let address = address.and_then(|rest| rest.split('/').next());
        serving.address = address.context("no address in the log")?.parse()?;
        Ok(serving)
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.command_in_folder(env!("CARGO_BIN_EXE_oc-lettings"));
        command.args(arguments);
        command
    }

    /// Another program with its own arguments, then the path of ours, and our settings.
    fn command_through(&self, runner: &str, arguments: &[&str]) -> Command {
        let mut command = self.command_in_folder(runner);
        command
            .args(arguments)
            .arg(env!("CARGO_BIN_EXE_oc-lettings"));
        command
    }

    /// A program with the settings, and nothing else of the test's environment except the destination of coverage data.
    #[expect(
        clippy::disallowed_methods,
        reason = "coverage tools configure the program by its environment"
    )]
    fn command_in_folder(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command
            .current_dir(self.folder())
            .env_clear()
            .envs(std::env::var_os("LLVM_PROFILE_FILE").map(|file| ("LLVM_PROFILE_FILE", file)))
            .envs(self.settings.iter().map(|(name, value)| (name, value)));
        command
    }
}

/// A running `serve`, killed when this is dropped.
pub(super) struct Serving {
    child: Child,
    errors: BufReader<ChildStderr>,
    address: SocketAddr,
    /// Its log until it served.
    pub(super) log: String,
}

impl Serving {
    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(super) fn wait_for_log(&mut self, words: &str) -> Result<()> {
        loop {
            let mut line = String::new();
            if self.errors.read_line(&mut line)? == 0 {
                anyhow::bail!("not logged: {words:?}: {}", self.log);
            }
            self.log.push_str(&line);
            if line.contains(words) {
                return Ok(());
            }
        }
    }

    pub(super) fn port(&self) -> String {
        self.address.port().to_string()
    }

    /// The response to a GET request with this Host header.
    pub(super) fn get(&self, host: &str, target: &str) -> Result<Response> {
        self.send(&request("GET", target, &[("Host", host)]))
    }

    /// The response, with a body, to these bytes.
    pub(super) fn send(&self, request: &[u8]) -> Result<Response> {
        let mut connection = Connection::open(self.address)?;
        connection.write(request)?;
        connection.response(true)
    }

    /// Sends a signal and waits; returns its exit code and the rest of its log.
    pub(super) fn end(self, signal: &str) -> Result<(Option<i32>, String)> {
        self.signal(signal)?;
        self.wait()
    }

    /// Sends SIGKILL and waits.
    pub(super) fn kill(self) {
        drop(self);
    }

    pub(super) fn signal(&self, signal: &str) -> Result<()> {
        let process = self.child.id().to_string();
        let sent = Command::new("kill")
            .args(["-s", signal, &process])
            .status()?;
        anyhow::ensure!(sent.success(), "the signal could not be sent");
        Ok(())
    }

    /// Waits for it to exit; returns its exit code and the rest of its log.
    pub(super) fn wait(mut self) -> Result<(Option<i32>, String)> {
        let code = self.child.wait()?.code();
        let mut rest = String::new();
        self.errors.read_to_string(&mut rest)?;
        Ok((code, rest))
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        // After `end` there is nothing left to kill.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}
