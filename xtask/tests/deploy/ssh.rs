//! A real sshd on loopback, for this user, with a `docker` that writes down what it is told.

use std::fs;
use std::net::TcpListener;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;

use anyhow::{Context, Result, ensure};
use tempfile::TempDir;

/// Debian keeps it out of the `PATH` of users.
const SSHD: &str = "/usr/sbin/sshd";

/// Whoever logs in is not the superuser there.
const ID: &str = r#"#!/bin/sh
case "$*:$(/usr/bin/id -u)" in
    -u:0) echo 1000 ;;
    *) exec /usr/bin/id "$@" ;;
esac
"#;

/// Makes folders, also where the user alone cannot; all else is only written down.
const SUDO: &str = r#"#!/bin/sh
shift
echo "$*" >> RECORD/sudo
[ "$1" != install ] || { mkdir -p RECORD/opened && exec "$@"; }
"#;

/// Does as Docker would, as far as `roll.sh` can tell: a slot whose image stands in the file `bad` never gets healthy.
/// An image is on the machine once it was pulled; one that stands in `gone` cannot be.
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
        # Whoever stops a slot must have sent its visitors elsewhere, unless there is nowhere.
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

/// A machine that can be reached by SSH.
pub(crate) struct Machine {
    folder: TempDir,
    pub(crate) host: String,
    pub(crate) user: String,
    pub(crate) key: String,
    pub(crate) known_hosts: String,
}

impl Machine {
    /// Starts one.
    pub(crate) fn start() -> Result<Self> {
        ensure!(
            Path::new(SSHD).exists(),
            "{SSHD} is missing: `cargo xtask test` installs it, or the package openssh-server"
        );
        // The superuser's sshd wants an empty folder for its children, which Debian's service makes at its start.
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

    /// Where the project goes.
    pub(crate) fn project(&self) -> PathBuf {
        self.folder.path().join("srv/project")
    }

    /// Makes the place for the project one in which only `sudo` can make a folder.
    pub(crate) fn close(&self) -> Result<()> {
        let place = self.folder.path().join("srv");
        fs::remove_dir(&place)?;
        Ok(symlink(self.folder.path().join("opened"), place)?)
    }

    /// Ends the connection once `docker compose` is told that.
    pub(crate) fn cut_at(&self, call: &str) -> Result<()> {
        Ok(fs::write(self.folder.path().join("cut-at"), call)?)
    }

    /// Has `sudo` ask for a password.
    pub(crate) fn forbid_sudo(&self) -> Result<()> {
        let refusal = "#!/bin/sh\necho 'sudo: a password is required' >&2\nexit 1\n";
        script(&self.folder.path().join("bin/sudo"), refusal)
    }

    /// What `docker` was told, a call a line, without what is the same in all.
    pub(crate) fn calls(&self) -> Vec<String> {
        let calls = fs::read_to_string(self.folder.path().join("calls")).unwrap_or_default();
        let short = |line: &str| line.replace("compose --env-file .env --env-file slots.env ", "");
        calls.lines().map(short).collect()
    }

    /// The calls that ended a slot with visitors in it.
    pub(crate) fn cut_off(&self) -> String {
        fs::read_to_string(self.folder.path().join("cut")).unwrap_or_default()
    }

    /// What ran on the machine while `docker` was called.
    pub(crate) fn processes(&self) -> Result<String> {
        Ok(fs::read_to_string(self.folder.path().join("processes"))?)
    }

    /// Waits until no release is under way.
    pub(crate) fn settle(&self) -> Result<()> {
        Ok(fs::File::open(self.project().join(".roll.lock"))?.lock()?)
    }

    /// Makes an image one that never becomes healthy.
    pub(crate) fn spoil(&self, image: &str) -> Result<()> {
        Ok(fs::write(self.folder.path().join("bad"), image)?)
    }

    /// Makes an image one that never becomes healthy in that slot.
    pub(crate) fn spoil_in(&self, slot: &str, image: &str) -> Result<()> {
        let bad = format!("bad-{slot}");
        Ok(fs::write(self.folder.path().join(bad), image)?)
    }

    /// Has that image run in a slot, with settings that are not those of now.
    pub(crate) fn occupy(&self, slot: &str, image: &str) -> Result<()> {
        let state = format!("{image} 1 1 .env\n");
        Ok(fs::write(self.folder.path().join(slot), state)?)
    }

    /// Makes an image one that the registry does not give.
    pub(crate) fn withhold(&self, image: &str) -> Result<()> {
        Ok(fs::write(self.folder.path().join("gone"), image)?)
    }

    /// Keeps the proxy and the database from starting.
    pub(crate) fn jam(&self) -> Result<()> {
        Ok(fs::write(self.folder.path().join("stuck"), "")?)
    }

    /// Has the proxy run with other settings than it would be started with now.
    pub(crate) fn change_proxy(&self) -> Result<()> {
        Ok(fs::write(self.folder.path().join("wanted"), "0a")?)
    }

    /// Makes every image healthy again.
    pub(crate) fn mend(&self) -> Result<()> {
        Ok(fs::remove_file(self.folder.path().join("bad"))?)
    }
}

/// Hands every connection to an sshd of its own, as inetd does, so that no port has to be guessed.
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
