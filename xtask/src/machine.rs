//! The machine that a chore runs on: the one place where programs are started and the environment is read.

use std::cell::Cell;
use std::env;
use std::ffi::OsString;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};

use anyhow::{Context, Result};
use xshell::{Cmd, Shell, cmd};

use crate::variables::Variable;

/// Starts programs in the root of the workspace.
pub(crate) struct Machine {
    /// Names the programs; what is set in its environment reaches all that are started later.
    pub(crate) shell: Shell,
    /// The folder of the workspace.
    pub(crate) root: PathBuf,
    /// Whether system packages may be installed through sudo.
    pub(crate) install: bool,
    /// Whether the package lists were brought up to date in this run.
    pub(crate) lists_updated: Cell<bool>,
    /// What the chore may read of the environment: what its help tells.
    variables: &'static [&'static Variable],
    cargo_variables: Vec<OsString>,
}

impl Machine {
    /// The machine seen from the root of the workspace, wherever the command was given.
    pub(crate) fn new(install: bool, variables: &'static [&'static Variable]) -> Result<Self> {
        let shell = Shell::new()?;
        let root = Path::new(env!("CARGO_MANIFEST_DIR"))
            .parent()
            .expect("xtask lies in the workspace")
            .to_owned();
        shell.change_dir(&root);
        Ok(Self {
            shell,
            root,
            install,
            lists_updated: Cell::new(false),
            variables,
            cargo_variables: cargo_variables(),
        })
    }

    /// Runs a program to its end with its output shown; prints the line first and fails with it.
    pub(crate) fn run(&self, command: Cmd<'_>) -> Result<()> {
        Ok(self.clean(command).run()?)
    }

    /// Runs a program that only answers a question, and returns what it wrote.
    pub(crate) fn read(&self, command: Cmd<'_>) -> Result<String> {
        Ok(self.clean(command).read()?)
    }

    /// Starts a program that keeps running, with both ends of its pipes in our hands.
    pub(crate) fn start(&self, command: Cmd<'_>) -> Result<Child> {
        let line = command.to_string();
        eprintln!("$ {line}");
        Command::from(self.clean(command))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("could not start `{line}`"))
    }

    /// Runs a program to its end with that input and its output shown; prints the line first and tells how it ended.
    pub(crate) fn end_of(&self, command: Cmd<'_>, input: &[u8]) -> Result<ExitStatus> {
        let line = command.to_string();
        eprintln!("$ {line}");
        let mut child = Command::from(self.clean(command))
            .stdin(Stdio::piped())
            .spawn()
            .with_context(|| format!("could not start `{line}`"))?;
        let mut pipe = child.stdin.take().expect("the pipe was just asked for");
        let written = pipe.write_all(input);
        drop(pipe);
        let status = child.wait()?;
        match written {
            // It had no use for more, and says by its end whether that is well.
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error.into()),
            _ => Ok(status),
        }
    }

    /// Starts this program anew, with a pipe for its input. It is out of reach of a Ctrl-C in the terminal, and does not
    /// hear the signals that end all that a job has started: it ends with us by the pipe alone.
    pub(crate) fn start_guard(&self, arguments: &[OsString]) -> io::Result<Child> {
        let mut command = Command::from(
            // What a shell ignores, the program that takes its place ignores too.
            cmd!(self.shell, "sh -c")
                .arg(r#"trap "" HUP INT QUIT TERM; exec "$@""#)
                .arg("sh")
                .arg(env::current_exe()?)
                .arg("guard")
                .args(arguments),
        );
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        command.stdin(Stdio::piped()).spawn()
    }

    /// A variable of the environment, without the blanks and line breaks around it that come with whatever was pasted
    /// somewhere; an empty one counts as not set.
    pub(crate) fn variable(&self, variable: &Variable) -> Option<String> {
        debug_assert!(
            self.variables.contains(&variable),
            "{variable} is not in the help of this chore"
        );
        let value = self.shell.var(variable.name()).ok()?;
        let value = value.trim();
        (!value.is_empty()).then(|| value.to_owned())
    }

    /// The folders that programs are looked for in.
    pub(crate) fn path(&self) -> OsString {
        self.shell.var_os("PATH").unwrap_or_default()
    }

    /// Where a program of that name is, in the order of `PATH`.
    pub(crate) fn find_program(&self, name: &str) -> Option<PathBuf> {
        env::split_paths(&self.path())
            .map(|folder| folder.join(name))
            .find(|file| file.is_file())
    }

    /// Whether we are the superuser.
    pub(crate) fn is_root(&self) -> bool {
        self.read(cmd!(self.shell, "id -u"))
            .is_ok_and(|id| id == "0")
    }

    /// Takes away what `cargo run` told us about itself and our package: build scripts that watch it would run
    /// again, and cargo's tools would take themselves for its subcommands.
    fn clean<'a>(&self, command: Cmd<'a>) -> Cmd<'a> {
        self.cargo_variables.iter().fold(command, Cmd::env_remove)
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "only the names are looked at, to keep them from other programs"
)]
fn cargo_variables() -> Vec<OsString> {
    let ours = |name: &str| {
        name == "CARGO" || name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_")
    };
    env::vars_os()
        .map(|(name, _)| name)
        .filter(|name| name.to_str().is_some_and(ours))
        .collect()
}
