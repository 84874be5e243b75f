//! Which state of the sources is built.

use std::path::{Path, PathBuf};

use anyhow::{Result, ensure};
use tempfile::TempDir;
use xshell::cmd;

use super::git;
use crate::machine::Machine;

/// A commit, or a commit with changes on top.
pub(crate) struct Source {
    /// The full hash of the commit; with changes on top, `-dirty` follows.
    pub(crate) revision: String,
    /// When the commit was made, in seconds since 1970.
    pub(crate) timestamp: String,
    /// The same moment, as labels have it.
    pub(crate) created: String,
    /// Where the project lives, if the checkout knows.
    pub(crate) origin: String,
    dirty: bool,
}

/// What the engine gets to see: the commit, and nothing that only lies around.
pub(crate) enum Context {
    Commit(TempDir),
    Checkout(PathBuf),
}

impl Source {
    /// What is checked out; changes on top are refused unless allowed.
    pub(crate) fn of(machine: &Machine, allow_dirty: bool) -> Result<Self> {
        let changes = git(machine, &["status", "--porcelain"])?;
        let dirty = !changes.is_empty();
        ensure!(
            allow_dirty || !dirty,
            "not everything is committed, and an image is named for its commit; commit, or give --allow-dirty:\n{changes}"
        );
        let commit = git(machine, &["rev-parse", "HEAD"])?;
        let moment = |format: &str| git(machine, &["log", "-1", &format!("--format={format}")]);
        let origin = git(
            machine,
            &["config", "--get", "--default", "", "remote.origin.url"],
        )?;
        Ok(Self {
            revision: if dirty {
                format!("{commit}-dirty")
            } else {
                commit
            },
            timestamp: moment("%ct")?,
            created: moment("%cI")?,
            origin: without_login(&origin),
            dirty,
        })
    }

    /// The tags of the image. What is not committed never becomes the latest.
    pub(crate) fn tags(&self) -> impl Iterator<Item = &str> + Clone {
        let latest = (!self.dirty).then_some("latest");
        latest.into_iter().chain([self.revision.as_str()])
    }

    /// The files to build from.
    pub(crate) fn context(&self, machine: &Machine) -> Result<Context> {
        if self.dirty {
            return Ok(Context::Checkout(machine.root.clone()));
        }
        let folder = tempfile::tempdir()?;
        let archive = folder.path().join("source.tar");
        let path = folder.path();
        machine.run(cmd!(
            machine.shell,
            "git archive --format=tar --output={archive} HEAD"
        ))?;
        machine.run(cmd!(
            machine.shell,
            "tar --extract --file={archive} --directory={path}"
        ))?;
        machine.shell.remove_path(&archive)?;
        Ok(Context::Commit(folder))
    }
}

impl Context {
    /// Where it is.
    pub(crate) fn folder(&self) -> &Path {
        match self {
            Self::Commit(folder) => folder.path(),
            Self::Checkout(folder) => folder,
        }
    }
}

#[cfg(test)]
impl Source {
    /// A clean commit of that hash.
    pub(crate) fn example(revision: &str) -> Self {
        Self {
            revision: revision.to_owned(),
            timestamp: "0".to_owned(),
            created: "1970-01-01T00:00:00Z".to_owned(),
            origin: String::new(),
            dirty: false,
        }
    }
}

/// An address without the name and password that some checkouts have in it.
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
    fn an_origin_is_told_without_its_password() {
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

    #[test]
    fn what_is_not_committed_never_becomes_the_latest() {
        let source = |dirty| Source {
            dirty,
            ..Source::example("abc")
        };

        assert_eq!(source(false).tags().collect::<Vec<_>>(), ["latest", "abc"]);
        assert_eq!(source(true).tags().collect::<Vec<_>>(), ["abc"]);
    }
}
