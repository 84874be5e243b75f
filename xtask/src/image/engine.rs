//! Programs that build, push and run images: docker, podman, and buildah with podman.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use clap::ValueEnum;
use xshell::{Cmd, cmd};

use super::name::Repository;
use super::registry::Registries;
use super::source::Source;
use crate::context::Context;

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Engine {
    Docker,
    Buildah,
    Podman,
}

/// The wanted engine, or the first that works here.
pub(crate) fn find(context: &Context, wanted: Option<Engine>) -> Result<Engine> {
    let all = [Engine::Docker, Engine::Buildah, Engine::Podman];
    let mut candidates = all
        .into_iter()
        .filter(|engine| wanted.is_none_or(|wanted| wanted == *engine));
    candidates.find(|engine| engine.works(context)).context(
        "no program here builds images: install docker (with buildx, and start its daemon), buildah or podman",
    )
}

impl Engine {
    pub(crate) fn program(self) -> &'static str {
        match self {
            Self::Docker => "docker",
            Self::Buildah => "buildah",
            Self::Podman => "podman",
        }
    }

    fn works(self, context: &Context) -> bool {
        let succeeds = |arguments: &[&str]| {
            let command = context.shell.cmd(self.program()).args(arguments);
            context.read(command.ignore_stderr()).is_ok()
        };
        succeeds(&["info"])
            // Docker's classic builder lacks options that we need.
            && (self != Self::Docker || succeeds(&["buildx", "version"]))
    }

    /// Builds the image under these names.
    pub(crate) fn build(
        self,
        context: &Context,
        source: &Source,
        names: &[String],
        folder: &Path,
        no_cache: bool,
    ) -> Result<()> {
        let Source {
            revision,
            timestamp,
            created,
            origin,
            ..
        } = source;
        let mut build = context.shell.cmd(self.program()).arg("build");
        build = match self {
            // One image, not a list with attestations: some registries accept nothing else.
            Self::Docker => build
                .args(["--provenance=false", "--sbom=false"])
                .arg(format!("--build-arg=SOURCE_DATE_EPOCH={timestamp}")),
            // Only Docker's format has health checks.
            Self::Buildah | Self::Podman => build
                .args(["--isolation=chroot", "--format=docker", "--layers"])
                .arg(format!("--timestamp={timestamp}"))
                .args(context.variable("SSL_CERT_FILE").map(|file| {
                    // Not part of the image.
                    format!("--volume={file}:/etc/ssl/certs/ca-certificates.crt:ro")
                })),
        };
        if no_cache {
            build = build.arg("--no-cache");
        }
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
        build = build
            .arg(format!("--build-arg=REVISION={revision}"))
            .args(names.iter().map(|name| format!("--tag={name}")))
            .arg("--file")
            .arg(folder.join("Dockerfile"));
        context.run(build.arg(folder))
    }

    /// Pushes every tag, and returns the image's name with its digest.
    pub(crate) fn push(
        self,
        context: &Context,
        repository: &Repository,
        source: &Source,
        registries: &Registries<'_>,
    ) -> Result<String> {
        let docker_config = tempfile::tempdir()?;
        let config = docker_config.path().join("config.json");
        std::os::unix::fs::symlink(registries.auth_file(), config)?;
        let mut digests = BTreeSet::new();
        for tag in source.tags() {
            let name = repository.tagged(tag);
            let mut push = context.shell.cmd(self.program()).arg("push");
            if repository.is_local() && self != Self::Docker {
                push = push.arg("--tls-verify=false");
            }
            let push = push
                .env("DOCKER_CONFIG", docker_config.path())
                .env("REGISTRY_AUTH_FILE", registries.auth_file());
            context.run(push.arg(&name))?;
            let digest = registries.digest(&name)?;
            digests.insert(digest.with_context(|| format!("{name} was pushed, but is missing"))?);
        }
        ensure!(
            digests.len() == 1,
            "the tags are different images: somebody else pushes at the same time"
        );
        let digest = digests.pop_first().context("an image has tags")?;
        let pinned = repository.pinned(&digest);
        println!("pushed {pinned}");
        Ok(pinned)
    }

    /// Copies the program out of an image.
    pub(crate) fn copy_program(self, context: &Context, image: &str, to: &Path) -> Result<()> {
        let container = context.read(self.runner(context).args(["create", image]))?;
        let from = format!("{container}:/oc-lettings");
        let copied = context.run(self.runner(context).args(["cp", &from]).arg(to));
        context.read(self.runner(context).args(["rm", "--volumes", &container]))?;
        copied
    }

    /// The program that runs images: buildah's are podman's too.
    pub(crate) fn runner(self, context: &Context) -> Cmd<'_> {
        let program = match self {
            Self::Docker => "docker",
            Self::Buildah | Self::Podman => "podman",
        };
        let runner = cmd!(context.shell, "{program}").quiet();
        let has_cgroups_v2 = Path::new("/sys/fs/cgroup/cgroup.controllers").exists();
        if program == "podman" && !has_cgroups_v2 {
            runner.args(["--runtime=runc", "--cgroup-manager=cgroupfs"])
        } else {
            runner
        }
    }
}
