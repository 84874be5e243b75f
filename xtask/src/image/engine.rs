//! The programs that build and push images, and in what they differ.

use std::fmt;
use std::path::Path;

use anyhow::{Context, Result, bail};
use clap::ValueEnum;
use xshell::{Cmd, cmd};

use super::name::Repository;
use super::registry::Credentials;
use super::source::Source;
use crate::machine::Machine;
use crate::private::PrivateFolder;
use crate::variables::SSL_CERT_FILE;

/// A program that builds images.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Engine {
    Docker,
    Buildah,
    Podman,
}

impl fmt::Display for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.program())
    }
}

/// The wanted one, or the first that works here.
pub(crate) fn find(machine: &Machine, wanted: Option<Engine>) -> Result<Engine> {
    if let Some(engine) = wanted {
        if !engine.works(machine) {
            bail!("{engine} does not work here: {}", engine.reasons());
        }
        return Ok(engine);
    }
    [Engine::Docker, Engine::Buildah, Engine::Podman]
        .into_iter()
        .find(|engine| engine.works(machine))
        .context(
            "nothing here builds images: install docker (with buildx, and its daemon running), buildah or podman",
        )
}

impl Engine {
    fn program(self) -> &'static str {
        match self {
            Self::Docker => "docker",
            Self::Buildah => "buildah",
            Self::Podman => "podman",
        }
    }

    fn works(self, machine: &Machine) -> bool {
        let program = self.program();
        let says = |words: &[&str]| {
            let command = cmd!(machine.shell, "{program} {words...}");
            machine.read(command.ignore_stderr()).is_ok()
        };
        // Docker's builder of old knows neither the time of the commit nor half of the options.
        machine.find_program(program).is_some()
            && says(&["info"])
            && (self != Self::Docker || says(&["buildx", "version"]))
    }

    /// Why it may not work.
    fn reasons(self) -> &'static str {
        match self {
            Self::Docker => {
                "it is not installed, its daemon does not run, or it has no buildx (Debian's package docker-buildx)"
            }
            Self::Buildah | Self::Podman => "it is not installed, or `info` of it fails",
        }
    }

    /// Builds the image of that source under these names.
    pub(crate) fn build(
        self,
        machine: &Machine,
        source: &Source,
        names: &[String],
        context: &Path,
        no_cache: bool,
    ) -> Result<()> {
        let Source {
            revision,
            timestamp,
            created,
            origin,
            ..
        } = source;
        let program = self.program();
        let mut build = cmd!(machine.shell, "{program} build");
        build = match self {
            // The classic format of one image, not a list with attestations: some registries take nothing else.
            Self::Docker => build
                .args(["--provenance=false", "--sbom=false"])
                .arg(format!("--build-arg=SOURCE_DATE_EPOCH={timestamp}")),
            // Docker's own format is the one that has a health check.
            Self::Buildah | Self::Podman => {
                let build = build
                    .args(["--isolation=chroot", "--format=docker", "--layers"])
                    .arg(format!("--timestamp={timestamp}"));
                host_certificates(machine, build)
            }
        };
        if no_cache {
            build = build.arg("--no-cache");
        }
        build = build.arg(format!("--build-arg=REVISION={revision}"));
        let version = env!("CARGO_PKG_VERSION");
        for (name, value) in [
            ("title", "Orange County Lettings"),
            ("licenses", "MIT"),
            ("revision", revision),
            ("source", origin),
            ("version", version),
            ("created", created),
        ] {
            build = build.arg(format!("--label=org.opencontainers.image.{name}={value}"));
        }
        for name in names {
            build = build.arg(format!("--tag={name}"));
        }
        let file = context.join("Dockerfile");
        machine.run(build.arg("--file").arg(file).arg(context))
    }

    /// Pushes every tag. The token goes in by standard input, and is forgotten with the folder it is kept in.
    pub(crate) fn push(
        self,
        machine: &Machine,
        repository: &Repository,
        source: &Source,
        credentials: Option<&Credentials>,
    ) -> Result<()> {
        let folder = PrivateFolder::new(machine)?;
        let program = self.program();
        // Where nobody logs in there is nothing in it, and yet it has to be there.
        folder.write("auth.json", "{}")?;
        if let Some((user, token)) = credentials {
            let registry = &repository.registry;
            let login = cmd!(
                machine.shell,
                "{program} login --username {user} --password-stdin {registry}"
            );
            let login = self.logged_in(login, folder.path());
            machine.run(login.stdin(token).ignore_stdout())?;
        }
        for tag in source.tags() {
            let name = repository.tagged(tag);
            let mut push = cmd!(machine.shell, "{program} push");
            if repository.is_local() && self != Self::Docker {
                push = push.arg("--tls-verify=false");
            }
            machine.run(self.logged_in(push.arg(name), folder.path()))?;
        }
        Ok(())
    }

    /// The command with a place of its own for what a login leaves behind.
    fn logged_in<'a>(self, command: Cmd<'a>, folder: &Path) -> Cmd<'a> {
        match self {
            Self::Docker => command.env("DOCKER_CONFIG", folder),
            Self::Buildah | Self::Podman => {
                command.env("REGISTRY_AUTH_FILE", folder.join("auth.json"))
            }
        }
    }
}

/// Shows the build the certificates of this machine where it has some of its own, as behind a company's proxy. They
/// do not end in the image.
fn host_certificates<'a>(machine: &Machine, build: Cmd<'a>) -> Cmd<'a> {
    match machine.variable(&SSL_CERT_FILE) {
        Some(file) => build.arg(format!(
            "--volume={file}:/etc/ssl/certs/ca-certificates.crt:ro"
        )),
        None => build,
    }
}
