//! What a command needs of its surroundings: the workspace, programs to start, the environment.

use std::cell::Cell;
use std::env;
use std::ffi::OsString;
use std::fs::{File, Permissions};
use std::io::{Seek, Write};
use std::os::fd::AsRawFd;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{self, Child, Command, ExitStatus, Stdio};

use anyhow::{Context as _, Result, ensure};
use xshell::{Cmd, Shell};

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
    /// Whether a check could not run.
    pub(crate) skipped: Cell<bool>,
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
            skipped: Cell::new(false),
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
    pub(crate) fn start(&self, command: Cmd<'_>) -> Result<Server> {
        let line = command.to_string();
        eprintln!("$ {line}");
        Command::from(self.clean(command))
            .stdout(Stdio::piped())
            .spawn()
            .map(Server)
            .with_context(|| format!("could not start `{line}`"))
    }

    /// Prints and runs a command with input, and returns its exit status.
    pub(crate) fn status(&self, command: Cmd<'_>, input: &[u8]) -> Result<ExitStatus> {
        let line = command.to_string();
        eprintln!("$ {line}");
        let mut file = tempfile::tempfile()?;
        file.write_all(input)?;
        file.rewind()?;
        Command::from(self.clean(command))
            .stdin(file)
            .status()
            .with_context(|| format!("could not start `{line}`"))
    }

    /// Notes that a check could not run for a reason outside of the project.
    pub(crate) fn skip(&self, check: &str, reason: &anyhow::Error) {
        eprintln!("{check}: not checked: {reason:#}");
        self.skipped.set(true);
    }

    /// Fails in a pipeline if a check could not run, because nobody reads the output of a green job. `ci` prints a table
    /// instead.
    pub(crate) fn require_checks(&self) -> Result<()> {
        let in_pipeline = self.variable("CI").is_some_and(|value| value != "false");
        ensure!(
            !in_pipeline || !self.skipped.get(),
            "a check could not run, which is an error if CI is set; the reason is above"
        );
        Ok(())
    }

    /// An environment variable, trimmed: values that are pasted into a form often end in a line break. Empty is unset.
    pub(crate) fn variable(&self, name: &str) -> Option<String> {
        debug_assert!(variables::is_known(name), "{name} is not documented");
        let value = self.shell.var(name).ok()?;
        let value = value.trim();
        (!value.is_empty()).then(|| value.to_owned())
    }

    /// A variable that must be set.
    pub(crate) fn required(&self, name: &str) -> Result<String> {
        self.variable(name)
            .with_context(|| format!("{name} is not set; see docs/delivery.md"))
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

    fn clean<'a>(&self, command: Cmd<'a>) -> Cmd<'a> {
        self.cargo_variables.iter().fold(command, Cmd::env_remove)
    }
}

/// A program that runs in the background until it is dropped.
pub(crate) struct Server(pub(crate) Child);

impl Drop for Server {
    fn drop(&mut self) {
        if let Err(error) = self.0.kill().and_then(|()| self.0.wait()) {
            eprintln!("could not stop a program: {error}");
        }
    }
}

/// A secret for other programs, readable for this user only. The file has no name in any folder, so that nothing remains
/// of it when this program ends, however it ends.
pub(crate) struct SecretFile(File);

impl SecretFile {
    pub(crate) fn new(secret: &str) -> Result<Self> {
        let mut file = tempfile::tempfile().context("could not create a temporary file")?;
        // ssh rejects keys that others could read.
        file.set_permissions(Permissions::from_mode(0o600))?;
        file.write_all(secret.as_bytes())?;
        Ok(Self(file))
    }

    /// Where other programs find it, as long as the value lives.
    pub(crate) fn path(&self) -> PathBuf {
        format!("/proc/{}/fd/{}", process::id(), self.0.as_raw_fd()).into()
    }
}

/// What `cargo run` sets for this package: build scripts that watch these variables would run again.
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

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_check_that_could_not_run_is_an_error_in_a_pipeline() -> Result<()> {
        let context = Context::new(false)?;
        for (value, in_pipeline) in [("true", true), ("1", true), ("false", false), ("", false)] {
            context.shell.set_var("CI", value);
            context.skipped.set(false);
            assert!(context.require_checks().is_ok());

            context.skip("advisories", &anyhow::anyhow!("no connection"));

            assert_eq!(context.require_checks().is_err(), in_pipeline, "CI={value}");
        }
        Ok(())
    }

    #[test]
    fn other_programs_can_read_a_secret_file_until_it_is_dropped() -> Result<()> {
        let file = SecretFile::new("hunter2")?;
        let path = file.path();

        assert_eq!(fs::read_to_string(&path)?, "hunter2");
        assert_eq!(fs::metadata(&path)?.permissions().mode() & 0o777, 0o600);
        drop(file);
        assert!(fs::read_to_string(&path).is_err());
        Ok(())
    }
}
