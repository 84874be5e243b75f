//! What a command needs of its surroundings: the workspace, programs to start, the environment.

use std::cell::Cell;
use std::env;
use std::ffi::OsString;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};

use anyhow::{Context as _, Result, ensure};
use xshell::{Cmd, Shell, cmd};

use crate::variables;

/// Starts programs in the root of the workspace.
pub(crate) struct Context {
    /// Variables that are set here reach every program that is started later.
    pub(crate) shell: Shell,
    /// The folder of the workspace.
    pub(crate) root: PathBuf,
    /// Whether system packages may be installed with sudo.
    pub(crate) install: bool,
    /// Whether `apt-get update` ran already.
    pub(crate) lists_updated: Cell<bool>,
    cargo_variables: Vec<OsString>,
}

impl Context {
    pub(crate) fn new(install: bool) -> Result<Self> {
        let shell = Shell::new()?;
        let root = Path::new(env!("CARGO_MANIFEST_DIR"))
            .parent()
            .expect("xtask is in the workspace")
            .to_owned();
        shell.change_dir(&root);
        Ok(Self {
            shell,
            root,
            install,
            lists_updated: Cell::new(false),
            cargo_variables: cargo_variables(),
        })
    }

    /// Prints and runs a command whose output is shown.
    pub(crate) fn run(&self, command: Cmd<'_>) -> Result<()> {
        Ok(self.clean(command).run()?)
    }

    /// Runs a command, and returns its output.
    pub(crate) fn read(&self, command: Cmd<'_>) -> Result<String> {
        Ok(self.clean(command).read()?)
    }

    /// Prints and starts a command that keeps running, with its output in a pipe.
    pub(crate) fn start(&self, command: Cmd<'_>) -> Result<Child> {
        let line = command.to_string();
        eprintln!("$ {line}");
        Command::from(self.clean(command))
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("could not start `{line}`"))
    }

    /// Prints and runs a command with input, and returns its exit status.
    pub(crate) fn status(&self, command: Cmd<'_>, input: &[u8]) -> Result<ExitStatus> {
        let line = command.to_string();
        eprintln!("$ {line}");
        let mut child = Command::from(self.clean(command))
            .stdin(Stdio::piped())
            .spawn()
            .with_context(|| format!("could not start `{line}`"))?;
        let mut pipe = child.stdin.take().expect("stdin is piped");
        let written = pipe.write_all(input);
        drop(pipe);
        let status = child.wait()?;
        match written {
            // The command didn't need all of its input; its status says whether it succeeded.
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error.into()),
            _ => Ok(status),
        }
    }

    /// An environment variable, trimmed: values that are pasted into a form often end in a line break. Empty is unset.
    pub(crate) fn variable(&self, name: &str) -> Option<String> {
        debug_assert!(variables::is_known(name), "{name} is not documented");
        let value = self.shell.var(name).ok()?;
        let value = value.trim();
        (!value.is_empty()).then(|| value.to_owned())
    }

    /// A variable that becomes part of a header. The error doesn't show the value.
    pub(crate) fn token(&self, name: &str) -> Result<Option<String>> {
        let value = self.variable(name);
        let is_word = |value: &String| value.chars().all(|c| c.is_ascii_graphic());
        ensure!(
            value.as_ref().is_none_or(is_word),
            "{name} must be one word of ASCII letters, digits and punctuation"
        );
        Ok(value)
    }

    /// Whether a program is in `PATH`.
    pub(crate) fn has_program(&self, name: &str) -> bool {
        let path = self.shell.var_os("PATH").unwrap_or_default();
        env::split_paths(&path).any(|folder| folder.join(name).is_file())
    }

    pub(crate) fn is_root(&self) -> bool {
        self.read(cmd!(self.shell, "id -u"))
            .is_ok_and(|id| id == "0")
    }

    /// Removes the variables that `cargo run` sets for this package: build scripts that watch them would run again.
    fn clean<'a>(&self, command: Cmd<'a>) -> Cmd<'a> {
        self.cargo_variables.iter().fold(command, Cmd::env_remove)
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "reads only names, to remove them"
)]
fn cargo_variables() -> Vec<OsString> {
    let is_ours = |name: &str| {
        name == "CARGO" || name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_")
    };
    env::vars_os()
        .map(|(name, _)| name)
        .filter(|name| name.to_str().is_some_and(is_ours))
        .collect()
}
