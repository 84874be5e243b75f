//! Names of images.

use std::fmt;

use anyhow::{Result, ensure};

/// The repository's name.
const IMAGE: &str = "oc-lettings-site";

/// The registry of names without one.
const DEFAULT_REGISTRY: &str = "docker.io";

/// A repository: `docker.io/NAME/oc-lettings-site`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Repository {
    /// Host and port.
    pub(crate) registry: String,
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
            "is not an account: lower-case letters, digits and . _ - are allowed, and HOST/ in front"
        );
        let (registry, path) = match name.split_once('/') {
            Some((host, account)) if host.contains(['.', ':']) || host == "localhost" => {
                (host, format!("{account}/{IMAGE}"))
            }
            _ if name == "localhost" => (name, IMAGE.to_owned()),
            _ => (DEFAULT_REGISTRY, format!("{name}/{IMAGE}")),
        };
        Ok(Self {
            registry: registry.to_owned(),
            path,
        })
    }

    /// Whether the registry is on this machine, without TLS.
    pub(crate) fn is_local(&self) -> bool {
        Self::is_on_this_machine(&self.registry)
    }

    /// Whether the registry of an image is on this machine.
    pub(crate) fn is_on_this_machine(image: &str) -> bool {
        let host = image.split([':', '/']).next().unwrap_or_default();
        host == "localhost" || host.starts_with("127.")
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
    fn invalid_names_are_rejected() {
        for name in ["", "Ada", "a b", "/ada", "ada/", "-ada"] {
            let rejected = Repository::of(name).is_err();

            assert!(rejected, "{name:?}");
        }
    }
}
