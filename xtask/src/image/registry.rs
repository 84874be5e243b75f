//! Container registries, read and written with `skopeo`.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use base64::prelude::{BASE64_STANDARD, Engine as _};
use serde_json::{Map, Value, json};
use xshell::{Cmd, cmd};

use super::name::Repository;
use crate::context::{Context, SecretFile};
use crate::system_packages;

/// Time limit of an operation.
pub(crate) const TIMEOUT: Duration = Duration::from_mins(10);

/// A registry, a user and a token.
pub(crate) type Login = (String, String, String);

/// Access to registries, with logins for some of them.
pub(crate) struct Registries<'a> {
    context: &'a Context,
    auth: SecretFile,
    timeout: Duration,
}

impl<'a> Registries<'a> {
    /// `timeout` is for each operation.
    pub(crate) fn new(
        context: &'a Context,
        logins: impl IntoIterator<Item = Login>,
        timeout: Duration,
    ) -> Result<Self> {
        let mut auths = Map::new();
        for (registry, user, token) in logins {
            // Docker knows its own registry by its first address.
            let registry = match registry.as_str() {
                "docker.io" => "https://index.docker.io/v1/".to_owned(),
                _ => registry,
            };
            let auth = BASE64_STANDARD.encode(format!("{user}:{token}"));
            auths.insert(registry, json!({ "auth": auth }));
        }
        Ok(Self {
            context,
            auth: SecretFile::new(&json!({ "auths": auths }).to_string())?,
            timeout,
        })
    }

    /// The file with the logins, in the format that docker, podman, buildah and skopeo share.
    pub(crate) fn auth_file(&self) -> PathBuf {
        self.auth.path()
    }

    /// The digest of an image, or `None` if the registry does not have it.
    pub(crate) fn digest(&self, image: &str) -> Result<Option<String>> {
        let inspect = self.inspect(image, &["--no-tags", "--format={{.Digest}}"])?;
        let output = inspect.ignore_status().quiet().output()?;
        if output.status.success() {
            let digest = String::from_utf8(output.stdout)?;
            return Ok(Some(digest.trim().to_owned()));
        }
        let error = String::from_utf8_lossy(&output.stderr);
        let is_missing = ["manifest unknown", "name unknown", "NotFound", "404"];
        if is_missing.iter().any(|message| error.contains(message)) {
            return Ok(None);
        }
        bail!("could not read {image}: {}", error.trim())
    }

    /// Copies an image to another registry in Docker's format; some accept no other.
    pub(crate) fn copy(&self, from: &str, to: &str) -> Result<()> {
        let copy = self
            .skopeo("copy")?
            .args(["--quiet", "--format=v2s2"])
            .args(insecure(from, "--src-tls-verify=false"))
            .args(insecure(to, "--dest-tls-verify=false"))
            .args([format!("docker://{from}"), format!("docker://{to}")]);
        self.context.run(copy)
    }

    /// The id of an image: the digest of its configuration.
    pub(crate) fn image_id(&self, image: &str) -> Result<String> {
        let inspect = self.inspect(image, &["--raw"])?;
        let manifest: Value = serde_json::from_str(&self.context.read(inspect)?)?;
        let id = manifest["config"]["digest"].as_str();
        Ok(id.context("the manifest has no configuration")?.to_owned())
    }

    fn inspect(&self, image: &str, options: &[&str]) -> Result<Cmd<'a>> {
        let inspect = self.skopeo("inspect")?.args(options);
        let inspect = inspect.args(insecure(image, "--tls-verify=false"));
        Ok(inspect.arg(format!("docker://{image}")))
    }

    fn skopeo(&self, command: &str) -> Result<Cmd<'a>> {
        system_packages::require(self.context, system_packages::SKOPEO)?;
        let timeout = format!("--command-timeout={}ms", self.timeout.as_millis());
        let platform = ["--override-os=linux", "--override-arch=amd64"];
        Ok(cmd!(
            self.context.shell,
            "skopeo {timeout} {platform...} {command} --retry-times=3"
        )
        .env("REGISTRY_AUTH_FILE", self.auth_file()))
    }
}

/// The option for a registry on this machine, which has no TLS.
fn insecure<'a>(image: &str, option: &'a str) -> Option<&'a str> {
    Repository::is_on_this_machine(image).then_some(option)
}
