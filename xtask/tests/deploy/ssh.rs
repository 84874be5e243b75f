//! A real sshd on loopback, for this user, with a fake `docker` that records its calls.

use std::fs;
use std::net::TcpListener;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;

use anyhow::{Context, Result, ensure};
use tempfile::TempDir;

/// Debian installs it outside of the `PATH` of users.
const SSHD: &str = "/usr/sbin/sshd";

/// Fake `id`: the user is never root.
const ID: &str = r#"#!/bin/sh
case "$*:$(/usr/bin/id -u)" in
    -u:0) echo 1000 ;;
    *) exec /usr/bin/id "$@" ;;
esac
"#;

/// Fake `sudo`: creates folders, and only records all other commands.
const SUDO: &str = r#"#!/bin/sh
shift
echo "$*" >> RECORD/sudo
[ "$1" != install ] || { mkdir -p RECORD/opened && exec "$@"; }
"#;

/// Fake `docker`, as far as `roll.sh` uses it. A slot with an image listed in the file `bad` never gets healthy. Images
/// are available once pulled; those listed in `gone` can't be pulled.
const DOCKER: &str = r#"#!/bin/sh
echo "$*" >> RECORD/calls
case "$*" in
    "image inspect "*)
        grep -qxsF "${*##* }" RECORD/images
        exit
        ;;
    "pull "*)
        if [ -f RECORD/gone ] && [ "$2" = "$(cat RECORD/gone)" ]; then
            echo "unknown blob" >&2
            exit 1
        fi
        echo "$2" >> RECORD/images
        ;;
    *" up "*caddy | *" up "*postgres)
        [ ! -f RECORD/stuck ] || exit 1
        ;;
    *"config --hash caddy") echo "caddy $(cat RECORD/wanted 2> /dev/null)" ;;
    inspect*) cat RECORD/started 2> /dev/null ;;
    *" stop "*)
        # A slot must be drained before it is stopped, unless no other slot is healthy.
        [ -f "caddy/out/${*##* }" ] || [ -f RECORD/nowhere ] || exit 1
        ;;
esac
# The network is gone from here on.
if [ -f "RECORD/cut-at" ] && [ "${*##* --env-file slots.env }" = "$(cat RECORD/cut-at)" ]; then
    rm RECORD/cut-at
    kill -KILL "$(cat RECORD/connection)"
fi
ps -ww -e -o args >> RECORD/processes
image=
slot=${*##* }
[ ! -f slots.env ] || . ./slots.env
case "$*" in
    *" stop "*) rm -f "RECORD/$slot" ;;
    *"--wait-timeout 120 --no-recreate "*) [ -f "RECORD/$slot" ] && image=$(sed 's/ .*//' "RECORD/$slot") ;;
esac
case "$image:$*" in
    :*"--wait-timeout 120 "*web-a) image=$IMAGE_A ;;
    :*"--wait-timeout 120 "*web-b) image=$IMAGE_B ;;
esac
# One that runs with another image or other settings is ended by that, with all visitors that it has.
case "$*" in
    *--no-recreate*) ;;
    *"--wait-timeout 120 "*)
        now="$image $(cksum .env)"
        if [ -f "RECORD/$slot" ] && [ "$(cat "RECORD/$slot")" != "$now" ]; then
            [ -f "caddy/out/$slot" ] || [ -f RECORD/nowhere ] || echo "$*" >> RECORD/cut
        fi
        echo "$now" > "RECORD/$slot"
        ;;
esac
if [ -n "$image" ] && grep -qsF "$image" RECORD/bad "RECORD/bad-$slot"; then
    : > RECORD/nowhere
    echo "container is unhealthy" >&2
    exit 1
fi
[ -z "$image" ] || rm -f RECORD/nowhere
"#;

pub(crate) struct Machine {
    folder: TempDir,
    pub(crate) host: String,
    pub(crate) user: String,
    pub(crate) key: String,
    pub(crate) known_hosts: String,
}

impl Machine {
    pub(crate) fn start() -> Result<Self> {
        ensure!(
            Path::new(SSHD).exists(),
            "{SSHD} is missing: `cargo xtask test` installs it, or the package openssh-server"
        );
        // An sshd of root needs an empty folder, which Debian's service creates at its start.
        let _ = fs::create_dir("/run/sshd");
        let folder = tempfile::tempdir()?;
        let path = folder.path();
        for name in ["host_key", "user_key"] {
            let made = Command::new("ssh-keygen")
                .args(["-q", "-t", "ed25519", "-N", "", "-C", "test", "-f"])
                .arg(path.join(name))
                .status()?;
            ensure!(made.success(), "no key was made");
        }
        fs::create_dir_all(path.join("bin"))?;
        let here = path.display().to_string();
        for (name, text) in [("docker", DOCKER), ("id", ID), ("sudo", SUDO)] {
            script(&path.join("bin").join(name), &text.replace("RECORD", &here))?;
        }
        fs::create_dir(path.join("srv"))?;
        script(
            &path.join("session"),
            &format!(
                "#!/bin/sh\necho $PPID > {here}/connection\n\
                 PATH={here}/bin:$PATH exec sh -c \"$SSH_ORIGINAL_COMMAND\"\n"
            ),
        )?;
        let settings = path.join("sshd_config");
        fs::write(
            &settings,
            format!(
                "HostKey {here}/host_key\nAuthorizedKeysFile {here}/user_key.pub\nStrictModes no\nUsePAM no\n\
                 PasswordAuthentication no\nForceCommand {here}/session\nPidFile none\n"
            ),
        )?;
        let listener = TcpListener::bind(("127.0.0.1", 0))?;
        let port = listener.local_addr()?.port();
        serve(listener, settings);
        let user = Command::new("id").arg("-un").output()?;
        let host_key = fs::read_to_string(path.join("host_key.pub"))?;
        let key = fs::read_to_string(path.join("user_key"))?;
        Ok(Self {
            host: format!("127.0.0.1:{port}"),
            user: String::from_utf8(user.stdout)?.trim().to_owned(),
            key,
            known_hosts: format!("[127.0.0.1]:{port} {host_key}"),
            folder,
        })
    }

    pub(crate) fn project(&self) -> PathBuf {
        self.folder.path().join("srv/project")
    }

    /// Moves the project to a folder that only `sudo` can create.
    pub(crate) fn close(&self) -> Result<()> {
        let place = self.folder.path().join("srv");
        fs::remove_dir(&place)?;
        Ok(symlink(self.folder.path().join("opened"), place)?)
    }

    /// Breaks the connection at a call of `docker compose` with these arguments.
    pub(crate) fn cut_at(&self, call: &str) -> Result<()> {
        Ok(fs::write(self.folder.path().join("cut-at"), call)?)
    }

    pub(crate) fn require_sudo_password(&self) -> Result<()> {
        let refusal = "#!/bin/sh\necho 'sudo: a password is required' >&2\nexit 1\n";
        script(&self.folder.path().join("bin/sudo"), refusal)
    }

    /// The calls of `docker`, one per line, without the common part.
    pub(crate) fn calls(&self) -> Vec<String> {
        let calls = fs::read_to_string(self.folder.path().join("calls")).unwrap_or_default();
        let short = |line: &str| line.replace("compose --env-file .env --env-file slots.env ", "");
        calls.lines().map(short).collect()
    }

    /// The calls that stopped a slot which still had visitors.
    pub(crate) fn stopped_with_visitors(&self) -> String {
        fs::read_to_string(self.folder.path().join("cut")).unwrap_or_default()
    }

    /// Processes on the machine during calls of `docker`.
    pub(crate) fn processes(&self) -> Result<String> {
        Ok(fs::read_to_string(self.folder.path().join("processes"))?)
    }

    pub(crate) fn wait_until_idle(&self) -> Result<()> {
        Ok(fs::File::open(self.project().join(".roll.lock"))?.lock()?)
    }

    pub(crate) fn make_unhealthy(&self, image: &str) -> Result<()> {
        Ok(fs::write(self.folder.path().join("bad"), image)?)
    }

    pub(crate) fn make_unhealthy_in(&self, slot: &str, image: &str) -> Result<()> {
        let bad = format!("bad-{slot}");
        Ok(fs::write(self.folder.path().join(bad), image)?)
    }

    /// Runs an image in a slot with outdated settings.
    pub(crate) fn run_in_slot(&self, slot: &str, image: &str) -> Result<()> {
        let state = format!("{image} 1 1 .env\n");
        Ok(fs::write(self.folder.path().join(slot), state)?)
    }

    pub(crate) fn fail_pull(&self, image: &str) -> Result<()> {
        Ok(fs::write(self.folder.path().join("gone"), image)?)
    }

    /// Makes the proxy and the database fail to start.
    pub(crate) fn fail_services(&self) -> Result<()> {
        Ok(fs::write(self.folder.path().join("stuck"), "")?)
    }

    /// Runs the proxy with outdated settings.
    pub(crate) fn change_proxy(&self) -> Result<()> {
        Ok(fs::write(self.folder.path().join("wanted"), "0a")?)
    }

    pub(crate) fn make_healthy(&self) -> Result<()> {
        Ok(fs::remove_file(self.folder.path().join("bad"))?)
    }
}

/// Runs an sshd per connection, as inetd does, so that no port has to be guessed.
fn serve(listener: TcpListener, settings: PathBuf) {
    thread::spawn(move || {
        for connection in listener.incoming() {
            let session = || -> Result<()> {
                let connection = connection?;
                let input: OwnedFd = connection.try_clone()?.into();
                let output: OwnedFd = connection.into();
                let mut sshd = Command::new(SSHD)
                    .args(["-i", "-f"])
                    .arg(&settings)
                    .stdin(Stdio::from(input))
                    .stdout(Stdio::from(output))
                    .stderr(Stdio::null())
                    .spawn()
                    .context("no sshd")?;
                thread::spawn(move || sshd.wait());
                Ok(())
            };
            if let Err(error) = session() {
                eprintln!("a session ended with {error}");
            }
        }
    });
}

fn script(path: &Path, text: &str) -> Result<()> {
    fs::write(path, text)?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o755))?;
    Ok(())
}
