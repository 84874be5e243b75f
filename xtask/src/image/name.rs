//! What an image is called, and where that name leads.

use std::fmt;

use anyhow::{Result, ensure};

/// The last part of every name.
const IMAGE: &str = "oc-lettings-site";

/// The registry that a name without one means.
const DEFAULT_REGISTRY: &str = "docker.io";

/// A place in a registry: `docker.io/NAME/oc-lettings-site`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Repository {
    /// The registry's host, with its port.
    pub(crate) registry: String,
    /// The path in it.
    pub(crate) path: String,
}

impl Repository {
    /// The repository of an account: `NAME`, or `HOST/NAME` for another registry than Docker Hub.
    pub(crate) fn of(name: &str) -> Result<Self> {
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "._-/:".contains(c);
        ensure!(
            name.chars().all(plain)
                && name.starts_with(|c: char| c.is_ascii_alphanumeric())
                && !name.ends_with('/'),
            "names no account: small letters, digits and . _ - are allowed, with HOST/ before them"
        );
        let (registry, account) = match name.split_once('/') {
            Some((host, rest)) if host.contains(['.', ':']) || host == "localhost" => (host, rest),
            _ if name == "localhost" => {
                return Ok(Self {
                    registry: name.to_owned(),
                    path: IMAGE.to_owned(),
                });
            }
            _ => (DEFAULT_REGISTRY, name),
        };
        Ok(Self {
            registry: registry.to_owned(),
            path: format!("{account}/{IMAGE}"),
        })
    }

    /// Where the registry's API is. Only a registry on this very machine may go without TLS.
    pub(crate) fn api(&self) -> String {
        match self.registry.as_str() {
            DEFAULT_REGISTRY => "https://registry-1.docker.io".to_owned(),
            registry if is_local(registry) => format!("http://{registry}"),
            registry => format!("https://{registry}"),
        }
    }

    /// Whether the registry is on this machine and speaks plain HTTP.
    pub(crate) fn is_local(&self) -> bool {
        is_local(&self.registry)
    }

    /// The name with a tag.
    pub(crate) fn tagged(&self, tag: &str) -> String {
        format!("{self}:{tag}")
    }

    /// The name pinned to a digest.
    pub(crate) fn pinned(&self, digest: &str) -> String {
        format!("{self}@{digest}")
    }
}

impl fmt::Display for Repository {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.registry, self.path)
    }
}

fn is_local(registry: &str) -> bool {
    let host = registry.split(':').next().unwrap_or_default();
    host == "localhost" || host.starts_with("127.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_without_a_registry_means_docker_hub() {
        let name = |name: &str| Repository::of(name).map(|repository| repository.tagged("latest"));

        assert_eq!(
            name("ada").ok().as_deref(),
            Some("docker.io/ada/oc-lettings-site:latest")
        );
        assert_eq!(
            name("127.0.0.1:5000/ada").ok().as_deref(),
            Some("127.0.0.1:5000/ada/oc-lettings-site:latest")
        );
        assert_eq!(
            name("localhost").ok().as_deref(),
            Some("localhost/oc-lettings-site:latest")
        );
    }

    #[test]
    fn what_is_no_name_is_refused() {
        for name in ["", "Ada", "a b", "/ada", "ada/", "-ada"] {
            let refused = Repository::of(name).is_err();

            assert!(refused, "{name:?}");
        }
    }

    #[test]
    fn only_a_registry_on_this_machine_goes_without_tls() {
        let api = |name: &str| Repository::of(name).map(|repository| repository.api());

        assert_eq!(
            api("127.0.0.1:5000/ada").ok().as_deref(),
            Some("http://127.0.0.1:5000")
        );
        assert_eq!(api("ghcr.io/ada").ok().as_deref(), Some("https://ghcr.io"));
        assert_eq!(
            api("ada").ok().as_deref(),
            Some("https://registry-1.docker.io")
        );
    }
}
