//! What git knows of commits.

use anyhow::{Context, Result, bail};
use xshell::cmd;

use crate::machine::Machine;

/// The full hash of a commit, as images are tagged by it.
pub(crate) fn full(machine: &Machine, name: &str) -> Result<String> {
    let is_full = name.len() == 40 && name.bytes().all(|byte| byte.is_ascii_hexdigit());
    if is_full {
        return Ok(name.to_ascii_lowercase());
    }
    let commit = format!("{name}^{{commit}}");
    machine
        .read(cmd!(
            machine.shell,
            "git rev-parse --verify --quiet --end-of-options {commit}"
        ))
        .with_context(|| {
            format!("{name:?} is no commit that this checkout knows; give the full hash")
        })
}

/// The commits before one, on the way that releases went, newest first.
pub(crate) fn before(machine: &Machine, revision: &str) -> Result<Vec<String>> {
    let parent = format!("{revision}^");
    let how = ["--first-parent", "--max-count=50", "--end-of-options"];
    let commits =
        machine.read(cmd!(machine.shell, "git rev-list {how...} {parent}").ignore_stderr());
    match commits {
        Ok(commits) => Ok(commits.lines().map(str::to_owned).collect()),
        Err(_) => bail!(
            "this checkout does not know what came before {revision}: fetch all of it \
             (`git fetch --unshallow`), or name a commit with --sha"
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_came_before_is_asked_from_git() -> Result<()> {
        let folder = tempfile::tempdir()?;
        let machine = Machine::new(false, &[])?;
        machine.shell.change_dir(folder.path());
        let git = |arguments: &[&str]| {
            let who = ["-c", "user.name=a", "-c", "user.email=a@example.org"];
            machine.read(cmd!(machine.shell, "git {who...} {arguments...}"))
        };
        git(&["init", "--quiet"])?;
        for number in ["1", "2", "3"] {
            git(&["commit", "--quiet", "--allow-empty", "--message", number])?;
        }

        let newest = full(&machine, "HEAD")?;
        let older = before(&machine, &newest)?;

        assert_eq!(older.len(), 2);
        assert_eq!(older[0], full(&machine, "HEAD~1")?);
        assert!(before(&machine, &"1".repeat(40)).is_err());
        assert!(full(&machine, "no-such-branch").is_err());
        assert_eq!(full(&machine, &"A".repeat(40))?, "a".repeat(40));
        Ok(())
    }
}
