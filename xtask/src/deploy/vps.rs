//! A machine of our own, over SSH: the files of `deploy/` go there, and `roll.sh` does the rest.

use std::path::PathBuf;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use xshell::{Cmd, cmd};

use super::flow::Image;
use super::settings::{required, secret};
use super::{Host, Restored, Unchanged, Verdict};
use crate::http::Http;
use crate::machine::Machine;
use crate::private::PrivateFolder;
use crate::variables::{PROJECT_VPS_PATH, SSH_HOST, SSH_KNOWN_HOSTS, SSH_PRIVATE_KEY, SSH_USER};

/// What a release brings to the machine, from `deploy/`.
const FILES: [&str; 3] = ["caddy/Caddyfile", "compose.yaml", "roll.sh"];

/// How a release ends on the machine that touched nothing that runs.
const UNCHANGED: i32 = 3;

/// How one ends that failed there, and left both slots as they were.
const RESTORED: i32 = 4;

/// How ssh ends when it is its own connection that failed.
const CUT_OFF: i32 = 255;

/// How often we knock before we say that nobody is there.
const ATTEMPTS: u32 = 4;

/// A machine with Docker.
pub(crate) struct Vps<'a> {
    machine: &'a Machine,
    host: String,
    port: u16,
    user: String,
    /// The private key, in a file that only we can read and that goes when we do.
    key: PathBuf,
    /// The machine's own keys; no other machine is spoken to.
    known_hosts: PathBuf,
    /// Where both are.
    _folder: PrivateFolder,
    path: String,
    first_pause: Duration,
}

impl<'a> Vps<'a> {
    /// As the environment names it.
    pub(crate) fn from(machine: &'a Machine, http: &Http, first_pause: Duration) -> Result<Self> {
        let host = required(machine, &SSH_HOST)?;
        let (host, port) = match host.rsplit_once(':') {
            Some((host, port)) if !host.contains(':') => (
                host.to_owned(),
                port.parse().ok().with_context(|| {
                    format!("{SSH_HOST} has something behind the colon that is no port")
                })?,
            ),
            _ => (host, 22),
        };
        let user = required(machine, &SSH_USER)?;
        let path = required(machine, &PROJECT_VPS_PATH)?;
        for (name, value, more) in [(&SSH_HOST, &host, ".-:"), (&SSH_USER, &user, ".-_")] {
            let plain = |c: char| c.is_ascii_alphanumeric() || more.contains(c);
            ensure!(
                value.chars().all(plain) && !value.starts_with('-'),
                "{name} must be a name: letters, digits and {more} are allowed"
            );
        }
        let plain = |c: char| c.is_ascii_alphanumeric() || "/._-".contains(c);
        ensure!(
            path.starts_with('/') && path.chars().all(plain),
            "{PROJECT_VPS_PATH} must be an absolute path of letters, digits and . _ -"
        );
        let key = lines(&secret(machine, http, &SSH_PRIVATE_KEY)?);
        let known_hosts = lines(&required(machine, &SSH_KNOWN_HOSTS)?);
        let folder = PrivateFolder::new(machine)?;
        Ok(Self {
            machine,
            host,
            port,
            user,
            key: folder.write("key", &key)?,
            known_hosts: folder.write("known_hosts", &known_hosts)?,
            _folder: folder,
            path,
            first_pause,
        })
    }

    /// The command that runs a line in the shell of that machine.
    fn ssh(&self, line: &str) -> Cmd<'a> {
        let Self { host, user, .. } = self;
        let port = self.port.to_string();
        let (key, known_hosts) = (&self.key, self.known_hosts.display());
        // No agent, no password, no question, and nobody's settings but these.
        let mut ssh = cmd!(
            self.machine.shell,
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
            &format!("UserKnownHostsFile={known_hosts}"),
        ] {
            ssh = ssh.args(["-o", option]);
        }
        ssh.args(["--", host, line])
    }

    /// Waits until the machine lets us in.
    fn knock(&self) -> Result<()> {
        let mut pause = self.first_pause;
        for attempt in 1.. {
            // 255 is ssh's own failure; anything else comes from the other side.
            let output = self.ssh("true").quiet().ignore_status().output()?;
            if output.status.success() {
                break;
            }
            let words = String::from_utf8_lossy(&output.stderr).trim().to_owned();
            let refused = ["Host key verification failed", "Permission denied"]
                .iter()
                .any(|no| words.contains(no));
            if refused || attempt == ATTEMPTS {
                bail!("{} does not let us in: {words}", self.host);
            }
            eprintln!("  {words}; again in {:.1} s", pause.as_secs_f32());
            thread::sleep(pause);
            pause *= 2;
        }
        Ok(())
    }

    /// The files that a release brings, in one.
    fn archive(&self) -> Result<Vec<u8>> {
        let folder = self.machine.root.join("deploy");
        let archive = cmd!(
            self.machine.shell,
            "tar --create --owner=0 --group=0 --directory={folder} {FILES...}"
        );
        Ok(archive.quiet().output()?.stdout)
    }

    /// Prepares a bare Debian machine.
    pub(crate) fn bootstrap(&self, dry_run: bool) -> Result<()> {
        self.knock()?;
        println!("vps: {} lets us in", self.host);
        if dry_run {
            println!(
                "vps: would prepare {} as deploy/bootstrap.sh says",
                self.path
            );
            return Ok(());
        }
        let path = &self.path;
        // Comes first, and by itself: only it can make the folder where that takes more than our own rights.
        let script = self.machine.root.join("deploy/bootstrap.sh");
        let script = self.machine.shell.read_file(script)?;
        let line = format!(
            "f=$(mktemp) && cat > \"$f\" && sh \"$f\" '{path}' < /dev/null; r=$?; rm -f \"$f\"; exit $r"
        );
        let end = self.machine.end_of(self.ssh(&line), script.as_bytes())?;
        ensure!(
            end.success(),
            "{} is not prepared; what it said is above",
            self.host
        );
        let unpack = format!("tar --extract --no-same-owner --unlink-first --directory='{path}'");
        self.machine.run(self.ssh(&unpack).stdin(self.archive()?))
    }
}

/// A text of whole lines. What was pasted may have lost its last line feed.
fn lines(text: &str) -> String {
    text.replace("\r\n", "\n") + "\n"
}

impl Host for Vps<'_> {
    fn name(&self) -> &'static str {
        "vps"
    }

    fn prepare(&mut self) -> Result<()> {
        self.knock()?;
        let path = &self.path;
        let line = format!("docker compose version && test -f '{path}/.env'");
        self.machine.run(self.ssh(&line)).with_context(|| {
            format!(
                "{} has no Docker with Compose, or no {path}/.env: `cargo xtask deploy vps --bootstrap` prepares it",
                self.host
            )
        })
    }

    fn release(&mut self, image: &Image) -> Result<()> {
        let Self { host, path, .. } = &*self;
        let reference = &image.reference;
        // What is brought waits in a folder of its own until roll.sh knows that nothing speaks against the release. One
        // that was cut off may have left such a folder. roll.sh speaks into a file, which is read to us: with our
        // connection its reader dies, and not the roll in the middle of a slot.
        let line = format!(
            "find '{path}' -maxdepth 1 -name '.release.*' -mtime +0 -exec rm -rf {{}} +; \
             d=$(mktemp -d '{path}/.release.XXXXXX') && tar --extract --no-same-owner --directory=\"$d\" \
             && : > \"$d/said\" || {{ rm -rf \"$d\"; exit {UNCHANGED}; }}; \
             sh \"$d/roll.sh\" '{reference}' '{path}' > \"$d/said\" 2>&1 < /dev/null & p=$!; \
             tail --lines=+1 --sleep-interval=0.2 --pid=$p --follow \"$d/said\"; \
             wait $p; r=$?; rm -rf \"$d\"; exit $r"
        );
        let archive = self.archive().map_err(|error| {
            error.context(Unchanged(
                "the files of deploy/ cannot be packed".to_owned(),
            ))
        })?;
        let end = self.machine.end_of(self.ssh(&line), &archive)?;
        // What it said stands above already.
        match end.code() {
            Some(0) => Ok(()),
            Some(UNCHANGED) => {
                bail!(Unchanged(format!(
                    "{host} did not begin with it; what it said is above"
                )))
            }
            Some(RESTORED) => bail!(Restored(format!(
                "the image does not become healthy on {host}; what it said is above"
            ))),
            Some(CUT_OFF) => {
                println!(
                    "vps: the connection to {host} broke; the roll goes on there, and the site will tell how it ends"
                );
                Ok(())
            }
            _ => bail!("roll.sh failed on {host}; what it said is above"),
        }
    }

    /// `roll.sh` has seen both slots healthy; all else is seen from outside.
    fn verdict(&mut self) -> Result<Verdict> {
        Ok(Verdict::Silent)
    }
}
