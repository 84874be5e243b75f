//! What the steps need from the system, and the Debian package that brings each.

use std::borrow::Cow;
use std::path::Path;

use anyhow::{Result, bail, ensure};
use xshell::cmd;

use crate::machine::Machine;
use crate::postgres;

/// Something that must be there, and the package that brings it.
pub(crate) struct Need {
    sign: Sign,
    package: Cow<'static, str>,
}

/// What shows that a need is met.
enum Sign {
    Program(Cow<'static, str>),
    File(&'static str),
    Answer(fn(&Machine) -> bool),
}

/// For building libpq against OpenSSL. A C compiler is there, or this program would not have been linked.
pub(crate) const BUILD: [Need; 2] = [
    program("pkg-config", "pkg-config"),
    answer(has_openssl, "libssl-dev"),
];

/// For a private database server.
pub(crate) const POSTGRES: [Need; 1] = [answer(has_postgres, "postgresql")];

/// For looking into a database file from outside.
pub(crate) const SQLITE: [Need; 1] = [program("sqlite3", "sqlite3")];

/// For tests in a browser.
pub(crate) const BROWSER: [Need; 3] = [
    program("chromium", "chromium"),
    program("chromedriver", "chromium-driver"),
    file(
        "/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf",
        "fonts-dejavu-core",
    ),
];

/// For taking an image to a registry and back.
pub(crate) const REGISTRY: [Need; 1] = [program("docker-registry", "docker-registry")];

/// For replacing the slots behind a proxy.
pub(crate) const CADDY: [Need; 1] = [program("caddy", "caddy")];

/// For reading the units of a host without containers.
pub(crate) const SYSTEMD: [Need; 1] = [program("systemd-analyze", "systemd")];

/// For tests of deploys over SSH.
pub(crate) const SSH: [Need; 2] = [
    program("ssh", "openssh-client"),
    file("/usr/sbin/sshd", "openssh-server"),
];

/// For fetching the advisory database.
pub(crate) const GIT: [Need; 1] = [program("git", "git")];

/// For tools from PyPI.
pub(crate) const PYTHON: [Need; 2] = [
    program("python3", "python3"),
    answer(has_python_venv, "python3-venv"),
];

/// For packages from npm.
pub(crate) const NPM: [Need; 2] = [program("node", "nodejs"), program("npm", "npm")];

/// For reading coverage profiles, where the Rust toolchain has no such tools of its own.
pub(crate) fn llvm(major: &str) -> [Need; 1] {
    let program = Sign::Program(format!("llvm-cov-{major}").into());
    [Need {
        sign: program,
        package: format!("llvm-{major}").into(),
    }]
}

const fn program(name: &'static str, package: &'static str) -> Need {
    Need {
        sign: Sign::Program(Cow::Borrowed(name)),
        package: Cow::Borrowed(package),
    }
}

const fn file(path: &'static str, package: &'static str) -> Need {
    Need {
        sign: Sign::File(path),
        package: Cow::Borrowed(package),
    }
}

const fn answer(question: fn(&Machine) -> bool, package: &'static str) -> Need {
    Need {
        sign: Sign::Answer(question),
        package: Cow::Borrowed(package),
    }
}

fn has_openssl(machine: &Machine) -> bool {
    machine
        .read(cmd!(machine.shell, "pkg-config --exists openssl").ignore_stderr())
        .is_ok()
}

fn has_postgres(machine: &Machine) -> bool {
    postgres::programs(machine).is_some()
}

fn has_python_venv(machine: &Machine) -> bool {
    machine
        .read(cmd!(machine.shell, "python3 -m ensurepip --version").ignore_stderr())
        .is_ok()
}

impl Need {
    fn is_met(&self, machine: &Machine) -> bool {
        match &self.sign {
            Sign::Program(name) => machine.find_program(name).is_some(),
            Sign::File(path) => Path::new(path).exists(),
            Sign::Answer(question) => question(machine),
        }
    }
}

/// Makes sure that all of these are there: installs what is missing, or fails with the command that would.
pub(crate) fn require(machine: &Machine, needs: &[Need]) -> Result<()> {
    let missing = missing_packages(machine, needs);
    if missing.is_empty() {
        return Ok(());
    }
    install(machine, &missing)?;
    let still_missing = missing_packages(machine, needs);
    ensure!(
        still_missing.is_empty(),
        "installed, and yet not found: {}",
        still_missing.join(" ")
    );
    Ok(())
}

fn missing_packages<'a>(machine: &Machine, needs: &'a [Need]) -> Vec<&'a str> {
    needs
        .iter()
        .filter(|need| !need.is_met(machine))
        .map(|need| &*need.package)
        .collect()
}

fn install(machine: &Machine, packages: &[&str]) -> Result<()> {
    let with = match (machine.is_root(), machine.install) {
        (true, _) => "env",
        (false, true) => "sudo",
        (false, false) => {
            let line = format!(
                "sudo apt-get install --no-install-recommends {}",
                packages.join(" ")
            );
            bail!("missing here; install with `{line}`, or give --install")
        }
    };
    let apt_get = ["DEBIAN_FRONTEND=noninteractive", "apt-get", "--quiet"];
    if !machine.lists_updated.replace(true) {
        machine.run(cmd!(machine.shell, "{with} {apt_get...} update"))?;
    }
    machine.run(cmd!(
        machine.shell,
        "{with} {apt_get...} install --yes --no-install-recommends {packages...}"
    ))
}
