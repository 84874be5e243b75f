//! A fake `skopeo` that keeps digests in files.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use anyhow::Result;
use tempfile::TempDir;

use crate::world::{NEW, OLD};

/// Value of `--name` in all tests.
pub(crate) const ACCOUNT: &str = "registry.example/ada";

const SKOPEO: &str = r#"#!/bin/sh
echo "$*" >> HERE/calls
cat "$REGISTRY_AUTH_FILE" >> HERE/logins
file() {
    echo "HERE/$(printf %s "${1#docker://}" | tr '/:' '__')"
}
digest() {
    case $1 in
        *@*) echo "${1#*@}" ;;
        *) cat "$(file "$1")" 2> /dev/null ;;
    esac
}
for argument; do
    previous=$image
    image=$argument
done
case "$*" in
    *" copy "*)
        [ ! -f HERE/broken ] || { echo "connection refused" >&2; exit 1; }
        digest "$previous" > "$(file "$image")"
        exit
        ;;
esac
digest=$(digest "$image") || { echo "manifest unknown" >&2; exit 1; }
case "$*" in
    *" --raw "*) echo "{\"config\": {\"digest\": \"$digest\"}}" ;;
    *) echo "$digest" ;;
esac
"#;

pub(crate) struct Registry(TempDir);

impl Registry {
    /// With images of both commits.
    pub(crate) fn new() -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let here = folder.path().display().to_string();
        let program = folder.path().join("skopeo");
        fs::write(&program, SKOPEO.replace("HERE", &here))?;
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755))?;
        let registry = Self(folder);
        registry.add(OLD)?;
        registry.add(NEW)?;
        Ok(registry)
    }

    pub(crate) fn add(&self, revision: &str) -> Result<()> {
        let image = self.file(ACCOUNT, "oc-lettings-site", revision);
        Ok(fs::write(image, digest(revision))?)
    }

    pub(crate) fn find(&self, account: &str, name: &str, tag: &str) -> Option<String> {
        let digest = fs::read_to_string(self.file(account, name, tag)).ok()?;
        Some(digest.trim().to_owned())
    }

    fn file(&self, account: &str, name: &str, tag: &str) -> PathBuf {
        let name = format!("{account}/{name}:{tag}").replace(['/', ':'], "_");
        self.0.path().join(name)
    }

    pub(crate) fn break_copies(&self) -> Result<()> {
        Ok(fs::write(self.0.path().join("broken"), "")?)
    }

    pub(crate) fn logins(&self) -> Result<String> {
        Ok(fs::read_to_string(self.0.path().join("logins"))?)
    }

    /// `PATH` with the fake first.
    pub(crate) fn path(&self) -> String {
        format!("{}:/usr/local/bin:/usr/bin:/bin", self.0.path().display())
    }
}

pub(crate) fn digest(revision: &str) -> String {
    format!("sha256:{revision}{}", &revision[..24])
}

pub(crate) fn revision(digest: &str) -> Option<String> {
    Some(digest.strip_prefix("sha256:")?.get(..40)?.to_owned())
}
