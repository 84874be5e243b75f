//! System packages (Debian) that commands need.

use anyhow::{Result, bail, ensure};
use xshell::cmd;

use crate::context::Context;

/// A shell command that succeeds if the need is met, and the package that meets it.
pub(crate) type Need<'a> = (&'a str, &'a str);

/// To build libpq with OpenSSL.
pub(crate) const BUILD: &[Need<'_>] = &[
    ("command -v pkg-config", "pkg-config"),
    ("pkg-config --exists openssl", "libssl-dev"),
];
pub(crate) const POSTGRES: &[Need<'_>] = &[
    ("command -v pg_virtualenv", "postgresql-common"),
    ("ls /usr/lib/postgresql/*/bin/initdb", "postgresql"),
    (
        "test -x /usr/sbin/pgbouncer || command -v pgbouncer",
        "pgbouncer",
    ),
];
pub(crate) const BROWSER: &[Need<'_>] = &[
    ("command -v chromium", "chromium"),
    ("command -v chromedriver", "chromium-driver"),
    (
        "test -e /usr/share/fonts/truetype/dejavu/DejaVuSans.ttf",
        "fonts-dejavu-core",
    ),
];
pub(crate) const CADDY: &[Need<'_>] = &[("command -v caddy", "caddy")];
pub(crate) const SYSTEMD: &[Need<'_>] = &[("command -v systemd-analyze", "systemd")];
/// For tests of deploys over SSH.
pub(crate) const SSH: &[Need<'_>] = &[
    ("command -v ssh", "openssh-client"),
    ("test -e /usr/sbin/sshd", "openssh-server"),
];
pub(crate) const GIT: &[Need<'_>] = &[("command -v git", "git")];
pub(crate) const PYTHON: &[Need<'_>] = &[
    ("command -v python3", "python3"),
    ("python3 -m ensurepip --version", "python3-venv"),
];
pub(crate) const NPM: &[Need<'_>] = &[("command -v node", "nodejs"), ("command -v npm", "npm")];
pub(crate) const SKOPEO: &[Need<'_>] = &[("command -v skopeo", "skopeo")];
pub(crate) const REGISTRY: &[Need<'_>] = &[("command -v docker-registry", "docker-registry")];
pub(crate) const SQLITE: &[Need<'_>] = &[("command -v sqlite3", "sqlite3")];
pub(crate) const WRK: &[Need<'_>] = &[("command -v wrk", "wrk")];

/// Installs what is missing, or fails with the command that would.
pub(crate) fn require(context: &Context, needs: &[Need<'_>]) -> Result<()> {
    let missing = missing(context, needs);
    if missing.is_empty() {
        return Ok(());
    }
    install(context, &missing)?;
    let missing = self::missing(context, needs);
    ensure!(
        missing.is_empty(),
        "installed, but still not found: {}",
        missing.join(" ")
    );
    Ok(())
}

fn missing<'a>(context: &Context, needs: &[Need<'a>]) -> Vec<&'a str> {
    let is_met = |condition: &str| {
        let check = cmd!(context.shell, "sh -c {condition}");
        context.read(check.ignore_stderr()).is_ok()
    };
    let missing = needs.iter().filter(|(condition, _)| !is_met(condition));
    missing.map(|(_, package)| *package).collect()
}

fn install(context: &Context, packages: &[&str]) -> Result<()> {
    let is_root = context.read(cmd!(context.shell, "id -u"))? == "0";
    let prefix = match (is_root, context.install) {
        (true, _) => "env",
        (false, true) => "sudo",
        (false, false) => bail!(
            "missing packages; run `sudo apt-get install --no-install-recommends {}`, or add --install",
            packages.join(" ")
        ),
    };
    let apt_get = ["DEBIAN_FRONTEND=noninteractive", "apt-get", "--quiet"];
    if !context.lists_updated.replace(true) {
        context.run(cmd!(context.shell, "{prefix} {apt_get...} update"))?;
    }
    context.run(cmd!(
        context.shell,
        "{prefix} {apt_get...} install --yes --no-install-recommends {packages...}"
    ))
}
