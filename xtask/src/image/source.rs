//! The commit that an image is built from.

use std::path::Path;

use anyhow::{Result, ensure};
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

    /// The folder to build from: the files of the commit in `folder`, without untracked ones, or the checkout.
    pub(crate) fn files<'a>(&self, context: &'a Context, folder: &'a Path) -> Result<&'a Path> {
        if self.dirty {
            return Ok(&context.root);
        }
        let archive = cmd!(context.shell, "git archive --format=tar HEAD").output()?;
        let extract = cmd!(context.shell, "tar --extract --directory={folder}");
        context.run(extract.stdin(archive.stdout))?;
        Ok(folder)
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
