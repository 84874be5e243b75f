//! The commit that an image is built from.

use std::path::{Path, PathBuf};

use anyhow::{Result, ensure};
use tempfile::TempDir;
use xshell::cmd;

use crate::context::Context;

/// A commit, or a commit with changes on top.
pub(crate) struct Source {
    /// The full hash of the commit, and `-dirty` if there are uncommitted changes.
    pub(crate) revision: String,
    /// Seconds since 1970.
    pub(crate) timestamp: String,
    /// The same in ISO 8601.
    pub(crate) created: String,
    /// URL of the remote repository; may be empty.
    pub(crate) origin: String,
    dirty: bool,
}

/// The files that the engine reads: those of the commit, without untracked ones.
pub(crate) enum BuildFolder {
    Commit(TempDir),
    Checkout(PathBuf),
}

impl Source {
    /// The commit that is checked out. Uncommitted changes are an error unless allowed.
    pub(crate) fn from_checkout(context: &Context, allow_dirty: bool) -> Result<Self> {
        let changes = git(context, &["status", "--porcelain"])?;
        let dirty = !changes.is_empty();
        ensure!(
            allow_dirty || !dirty,
            "uncommitted changes; commit them, or add --allow-dirty:\n{changes}"
        );
        let commit = git(context, &["rev-parse", "HEAD"])?;
        let time = |format: &str| git(context, &["log", "-1", &format!("--format={format}")]);
        let origin = git(
            context,
            &["config", "--get", "--default", "", "remote.origin.url"],
        )?;
        Ok(Self {
            revision: if dirty {
                format!("{commit}-dirty")
            } else {
                commit
            },
            timestamp: time("%ct")?,
            created: time("%cI")?,
            origin: without_login(&origin),
            dirty,
        })
    }

    /// The tags of the image. Uncommitted changes never become `latest`.
    pub(crate) fn tags(&self) -> impl Iterator<Item = &str> + Clone {
        let latest = (!self.dirty).then_some("latest");
        latest.into_iter().chain([self.revision.as_str()])
    }

    /// The files to build from.
    pub(crate) fn build_folder(&self, context: &Context) -> Result<BuildFolder> {
        if self.dirty {
            return Ok(BuildFolder::Checkout(context.root.clone()));
        }
        let folder = tempfile::tempdir()?;
        let archive = folder.path().join("source.tar");
        let path = folder.path();
        context.run(cmd!(
            context.shell,
            "git archive --format=tar --output={archive} HEAD"
        ))?;
        context.run(cmd!(
            context.shell,
            "tar --extract --file={archive} --directory={path}"
        ))?;
        context.shell.remove_path(&archive)?;
        Ok(BuildFolder::Commit(folder))
    }
}

impl BuildFolder {
    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        match self {
            Self::Commit(folder) => folder.path(),
            Self::Checkout(folder) => folder,
        }
    }
}

fn git(context: &Context, arguments: &[&str]) -> Result<String> {
    context.read(cmd!(context.shell, "git {arguments...}"))
}

/// A URL without the user name and password that some checkouts have in it.
fn without_login(url: &str) -> String {
    match url.split_once("://") {
        Some((scheme, rest)) => match rest.split_once('@') {
            Some((login, place)) if !login.contains('/') => format!("{scheme}://{place}"),
            _ => url.to_owned(),
        },
        None => url.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_label_has_no_password() {
        assert_eq!(
            without_login("https://ada:hunter2@git.example/oc.git"),
            "https://git.example/oc.git"
        );
        assert_eq!(
            without_login("https://git.example/@ada/oc.git"),
            "https://git.example/@ada/oc.git"
        );
        assert_eq!(
            without_login("git@git.example:oc.git"),
            "git@git.example:oc.git"
        );
    }
}
