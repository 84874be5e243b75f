//! A private, throw-away PostgreSQL server for the tests, from the programs that are installed.

use std::env;
use std::ffi::OsString;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use xshell::{Cmd, cmd};

use crate::guard::Guard;
use crate::machine::Machine;
use crate::needs;
use crate::variables::TEST_POSTGRES_URL;

/// Debian keeps the server's programs out of `PATH`, in a folder for each version.
const DEBIAN_FOLDER: &str = "/usr/lib/postgresql";

/// Many tests at once, each with a pool; nothing here has to outlive a power cut.
const SETTINGS: &str = "
listen_addresses = ''
max_connections = 300
fsync = off
full_page_writes = off
synchronous_commit = off
";

#[derive(clap::Args)]
pub(crate) struct Args {
    /// The command and its arguments.
    #[arg(last = true, required = true)]
    command: Vec<OsString>,
}

/// Runs a command with such a server.
pub(crate) fn run(machine: &Machine, args: &Args) -> Result<()> {
    let _server = start(machine)?;
    let (program, arguments) = args.command.split_first().expect("clap asks for a command");
    machine.run(machine.shell.cmd(program).args(arguments))
}

/// Sets `TEST_POSTGRES_URL`, where it is not given, to a server that ends when the guard is dropped.
pub(crate) fn start(machine: &Machine) -> Result<Option<Guard>> {
    if machine.variable(&TEST_POSTGRES_URL).is_some() {
        return Ok(None);
    }
    let server = start_private(machine)?;
    machine.shell.set_var(TEST_POSTGRES_URL.name(), &server.url);
    Ok(Some(server.guard))
}

/// A server of our own, whatever is given, and the address of its one database, which is empty; ended when it is
/// dropped.
pub(crate) struct Server {
    guard: Guard,
    directory: PathBuf,
    pub(crate) url: String,
}

/// Starts such a server.
pub(crate) fn start_private(machine: &Machine) -> Result<Server> {
    needs::require(machine, &needs::POSTGRES)?;
    let directory = env::temp_dir().join(format!("oc-lettings-postgres-{}", process::id()));
    let create = server_command(machine, "mkdir")?.args(["-m", "700"]);
    machine.run(create.arg(&directory))?;
    let guard = Guard::new(machine, "postgres", &directory)?;

    // The user of the server may not be allowed into ours.
    let here = machine.shell.push_dir(&directory);
    initialise(machine, &directory)?;
    drop(here);
    let host = directory.display().to_string().replace('/', "%2F");
    let server = Server {
        guard,
        directory,
        url: format!("postgres://postgres@{host}/postgres"),
    };
    server.start(machine)?;
    Ok(server)
}

impl Server {
    /// Starts it again.
    pub(crate) fn start(&self, machine: &Machine) -> Result<()> {
        let _here = machine.shell.push_dir(&self.directory);
        let log = self.directory.join("log");
        let start = pg_ctl(machine, &self.directory)?.arg("--log").arg(&log);
        machine
            .run(start.arg("start"))
            .with_context(|| fs::read_to_string(&log).unwrap_or_default())
    }

    /// Ends it, with whatever is connected.
    pub(crate) fn stop(&self, machine: &Machine) -> Result<()> {
        let _here = machine.shell.push_dir(&self.directory);
        machine.run(pg_ctl(machine, &self.directory)?.args(["--mode=fast", "stop"]))
    }

    /// Stops all of its processes where they are, until what is given back is dropped: it takes connections, and says
    /// nothing.
    pub(crate) fn freeze<'a>(&self, machine: &'a Machine) -> Result<Frozen<'a>> {
        let about = fs::read_to_string(self.directory.join("data/postmaster.pid"))?;
        let process = about.lines().next().unwrap_or_default().to_owned();
        let frozen = Frozen { machine, process };
        // The first one first: it starts the others.
        frozen.signal("STOP")?;
        Ok(frozen)
    }

    /// Runs these statements by PostgreSQL's own program.
    pub(crate) fn tell<'a>(&self, machine: &'a Machine, statements: &str) -> Result<Cmd<'a>> {
        let programs = programs(machine).context("no PostgreSQL server is installed")?;
        let program = machine.shell.cmd(programs.join("psql"));
        Ok(program.args(["--quiet", "--command", statements, &self.url]))
    }
}

/// A server that stands still.
pub(crate) struct Frozen<'a> {
    machine: &'a Machine,
    process: String,
}

impl Frozen<'_> {
    fn signal(&self, signal: &str) -> Result<()> {
        let (shell, process) = (&self.machine.shell, &self.process);
        let first = cmd!(shell, "kill -s {signal} {process}");
        self.machine.run(first.quiet())?;
        let others = cmd!(shell, "pkill --signal {signal} --parent {process}");
        self.machine.run(others.quiet())
    }
}

impl Drop for Frozen<'_> {
    fn drop(&mut self) {
        if let Err(error) = self.signal("CONT") {
            eprintln!("the server stands still: {error}");
        }
    }
}

fn initialise(machine: &Machine, directory: &Path) -> Result<()> {
    let programs = programs(machine).context("no PostgreSQL server is installed")?;
    let data = directory.join("data");
    let initdb = server_command(machine, programs.join("initdb"))?
        // The locale knows the capitals of every letter, as that of a real server does.
        .args(["--encoding=UTF8", "--locale=C.UTF-8"])
        .args(["--username=postgres", "--auth=trust", "--no-sync", "-D"])
        .arg(&data);
    machine.run(initdb.ignore_stdout())?;
    let mut settings = OpenOptions::new()
        .append(true)
        .open(data.join("postgresql.conf"))?;
    writeln!(
        settings,
        "{SETTINGS}unix_socket_directories = '{}'",
        directory.display()
    )?;
    Ok(())
}

/// Ends the server of that directory and removes the directory; what the guard does.
pub(crate) fn end(machine: &Machine, directory: &Path) -> Result<()> {
    if directory.join("data/postmaster.pid").exists() {
        let _here = machine.shell.push_dir(directory);
        let stopped = machine.run(pg_ctl(machine, directory)?.args(["--mode=immediate", "stop"]));
        // Whatever it was that still ran, it cannot go on without its directory.
        stopped.unwrap_or_else(|error| eprintln!("{error}"));
    }
    // An `initdb` that was interrupted clears up after itself, at the same time.
    let mut result = fs::remove_dir_all(directory);
    for _ in 0..20 {
        if result.is_ok() {
            break;
        }
        thread::sleep(Duration::from_millis(100));
        result = fs::remove_dir_all(directory);
    }
    result.with_context(|| format!("could not remove {}", directory.display()))
}

fn pg_ctl<'a>(machine: &'a Machine, directory: &Path) -> Result<Cmd<'a>> {
    let programs = programs(machine).context("no PostgreSQL server is installed")?;
    let command = server_command(machine, programs.join("pg_ctl"))?;
    Ok(command
        .args(["--silent", "--wait", "-D"])
        .arg(directory.join("data")))
}

/// A command run as a user whom the server accepts: it refuses the superuser.
fn server_command(machine: &Machine, program: impl AsRef<Path>) -> Result<Cmd<'_>> {
    if !machine.is_root() {
        return Ok(machine.shell.cmd(program));
    }
    let known = machine
        .read(cmd!(machine.shell, "id -u postgres").ignore_stderr())
        .is_ok();
    ensure!(
        known,
        "PostgreSQL refuses to run as root, and there is no user `postgres` to run it"
    );
    let user = ["--reuid=postgres", "--regid=postgres", "--init-groups"];
    Ok(cmd!(machine.shell, "setpriv {user...}").arg(program.as_ref()))
}

/// The folder with the server's programs: the one in `PATH`, or of the newest version that Debian has installed.
pub(crate) fn programs(machine: &Machine) -> Option<PathBuf> {
    let version = |folder: &PathBuf| folder.file_name()?.to_str()?.parse::<u32>().ok();
    let mut versions = machine.shell.read_dir(DEBIAN_FOLDER).unwrap_or_default();
    versions.sort_by_key(version);
    let installed = versions
        .iter()
        .rev()
        .map(|folder| folder.join("bin/initdb"));
    // A link in `PATH` leads to the folder that has all of them.
    let mut initdb = machine.find_program("initdb").into_iter().chain(installed);
    let initdb = initdb.find_map(|initdb| initdb.canonicalize().ok())?;
    initdb.parent().map(Path::to_owned)
}
