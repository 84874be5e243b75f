//! A machine with Docker, over SSH: copies `deploy/` there, and runs `roll.sh`.

use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow, bail, ensure};
use xshell::{Cmd, cmd};

use super::host::{Host, Image, ReleaseError};
use crate::context::{Context, SecretFile};

/// Files of a release, in `deploy/`.
const FILES: [&str; 3] = ["caddy/Caddyfile", "compose.yaml", "roll.sh"];

/// Exit status of `roll.sh` if nothing was changed.
const NOT_STARTED: i32 = 3;

/// Exit status of `roll.sh` if both slots run the old image again.
const REVERTED: i32 = 4;

/// Exit status of ssh if its connection failed.
const DISCONNECTED: i32 = 255;

/// Attempts to connect.
const ATTEMPTS: u32 = 4;

pub(crate) struct Vps<'a> {
    context: &'a Context,
    host: String,
    port: u16,
    user: String,
    key: SecretFile,
    /// Keys of the machine; ssh rejects others.
    known_hosts: SecretFile,
    /// Folder of the project.
    path: String,
    first_pause: Duration,
}

impl<'a> Vps<'a> {
    pub(crate) fn from_environment(context: &'a Context, first_pause: Duration) -> Result<Self> {
        let host = context.required("SSH_HOST")?;
        let (host, port) = match host.rsplit_once(':') {
            Some((host, port)) if !host.contains(':') => {
                let port = port
                    .parse()
                    .ok()
                    .context("SSH_HOST must be HOST or HOST:PORT")?;
                (host.to_owned(), port)
            }
            _ => (host, 22),
        };
        let user = context.required("SSH_USER")?;
        let path = context.required("PROJECT_VPS_PATH")?;
        for (name, value, more) in [("SSH_HOST", &host, ".-:"), ("SSH_USER", &user, ".-_")] {
            let is_allowed = |c: char| c.is_ascii_alphanumeric() || more.contains(c);
            ensure!(
                value.chars().all(is_allowed) && !value.starts_with('-'),
                "{name} must be letters, digits and {more}"
            );
        }
        let is_allowed = |c: char| c.is_ascii_alphanumeric() || "/._-".contains(c);
        ensure!(
            path.starts_with('/') && path.chars().all(is_allowed),
            "PROJECT_VPS_PATH must be an absolute path of letters, digits and . _ -"
        );
        Ok(Self {
            context,
            host,
            port,
            user,
            key: SecretFile::new(&lines(&context.required("SSH_PRIVATE_KEY")?))?,
            known_hosts: SecretFile::new(&lines(&context.required("SSH_KNOWN_HOSTS")?))?,
            path,
            first_pause,
        })
    }

    /// A command that runs a line in the machine's shell.
    fn ssh(&self, line: &str) -> Cmd<'a> {
        let Self { host, user, .. } = self;
        let port = self.port.to_string();
        let key = self.key.path();
        let known_hosts = self.known_hosts.path();
        // No agent, no password, no prompt, no settings of this machine.
        let mut ssh = cmd!(
            self.context.shell,
            "ssh -F none -T -i {key} -p {port} -l {user}"
        );
        for option in [
            "BatchMode=yes",
            "ClearAllForwardings=yes",
            "ConnectTimeout=10",
            "ForwardAgent=no",
            "GlobalKnownHostsFile=/dev/null",
            "IdentitiesOnly=yes",
            "IdentityAgent=none",
            "PasswordAuthentication=no",
            "ServerAliveCountMax=4",
            "ServerAliveInterval=15",
            "StrictHostKeyChecking=yes",
            "UpdateHostKeys=no",
            &format!("UserKnownHostsFile={}", known_hosts.display()),
        ] {
            ssh = ssh.args(["-o", option]);
        }
        ssh.args(["--", host, line])
    }

    /// Checks the login.
    fn connect(&self) -> Result<()> {
        let mut pause = self.first_pause;
        for attempt in 1.. {
            let output = self.ssh("true").quiet().ignore_status().output()?;
            if output.status.success() {
                break;
            }
            let error = String::from_utf8_lossy(&output.stderr).trim().to_owned();
            let is_final = ["Host key verification failed", "Permission denied"]
                .iter()
                .any(|message| error.contains(message));
            if is_final || attempt == ATTEMPTS {
                bail!("could not log in to {}: {error}", self.host);
            }
            eprintln!("  {error}; retrying in {:.1} s", pause.as_secs_f32());
            thread::sleep(pause);
            pause *= 2;
        }
        Ok(())
    }

    /// The files of a release as a tar archive.
    fn archive(&self) -> Result<Vec<u8>> {
        let folder = self.context.root.join("deploy");
        let archive = cmd!(
            self.context.shell,
            "tar --create --owner=0 --group=0 --directory={folder} {FILES...}"
        );
        Ok(archive.quiet().output()?.stdout)
    }

    /// Prepares a new Debian machine.
    pub(crate) fn bootstrap(&self, dry_run: bool) -> Result<()> {
        self.connect()?;
        let path = &self.path;
        if dry_run {
            println!("vps: would prepare {path} on {}", self.host);
            return Ok(());
        }
        // First and by itself: it creates the folder, which may need sudo.
        let script = self.context.root.join("deploy/bootstrap.sh");
        let script = self.context.shell.read_file(script)?;
        let line = format!(
            "f=$(mktemp) && cat > \"$f\" && sh \"$f\" '{path}' < /dev/null; r=$?; rm -f \"$f\"; exit $r"
        );
        let status = self.context.status(self.ssh(&line), script.as_bytes())?;
        ensure!(
            status.success(),
            "could not prepare {}: see above",
            self.host
        );
        let unpack = format!("tar --extract --no-same-owner --unlink-first --directory='{path}'");
        self.context.run(self.ssh(&unpack).stdin(self.archive()?))
    }
}

/// A text of complete lines: a pasted one may lack the last line feed.
fn lines(text: &str) -> String {
    text.replace("\r\n", "\n") + "\n"
}

/// Without a status: `roll.sh` waits until both slots are healthy.
impl Host for Vps<'_> {
    fn name(&self) -> &'static str {
        "vps"
    }

    fn prepare(&mut self) -> Result<()> {
        self.connect()?;
        let path = &self.path;
        let line = format!("docker compose version && test -f '{path}/.env'");
        self.context.run(self.ssh(&line)).with_context(|| {
            format!(
                "{} has no Docker Compose, or no {path}/.env: run `cargo xtask deploy vps --bootstrap`",
                self.host
            )
        })
    }

    fn release(&mut self, image: &Image) -> Result<(), ReleaseError> {
        let Self { host, path, .. } = &*self;
        let reference = &image.reference;
        // The files are unpacked into a folder of their own; roll.sh puts them in place. It writes to a file that tail
        // prints: if the connection breaks, tail ends, and roll.sh goes on.
        let line = format!(
            "find '{path}' -maxdepth 1 -name '.release.*' -mtime +0 -exec rm -rf {{}} +; \
             d=$(mktemp -d '{path}/.release.XXXXXX') && tar --extract --no-same-owner --directory=\"$d\" \
             && : > \"$d/log\" || {{ rm -rf \"$d\"; exit {NOT_STARTED}; }}; \
             sh \"$d/roll.sh\" '{reference}' '{path}' > \"$d/log\" 2>&1 < /dev/null & p=$!; \
             tail --lines=+1 --sleep-interval=0.2 --pid=$p --follow \"$d/log\"; \
             wait $p; r=$?; rm -rf \"$d\"; exit $r"
        );
        let archive = self
            .archive()
            .context("could not pack the files of deploy/");
        let archive = archive.map_err(ReleaseError::NotStarted)?;
        let status = self.context.status(self.ssh(&line), &archive)?;
        match status.code() {
            Some(0) => Ok(()),
            Some(NOT_STARTED) => Err(ReleaseError::NotStarted(anyhow!(
                "roll.sh did not start on {host}: see above"
            ))),
            Some(REVERTED) => Err(ReleaseError::Reverted(anyhow!(
                "the image did not become healthy on {host}: see above"
            ))),
            Some(DISCONNECTED) => {
                println!("vps: the connection to {host} broke; roll.sh goes on there");
                Ok(())
            }
            _ => Err(anyhow!("roll.sh failed on {host}: see above").into()),
        }
    }
}
