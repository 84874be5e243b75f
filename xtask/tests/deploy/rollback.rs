//! Manual rollbacks.

use std::path::Path;
use std::process::Command;

use anyhow::{Result, ensure};

use crate::render::Render;
use crate::world::{NEW, OLD};

/// Commits, oldest first, in a repository of the test.
fn commits(folder: &Path, number: u32) -> Result<Vec<String>> {
    let git = |arguments: &[&str]| -> Result<String> {
        let who = ["-c", "user.name=a", "-c", "user.email=a@example.org"];
        let mut git = Command::new("git");
        let output = git.current_dir(folder).args(who).args(arguments).output()?;
        ensure!(output.status.success(), "git {arguments:?}: {output:?}");
        Ok(String::from_utf8(output.stdout)?.trim().to_owned())
    };
    git(&["init", "--quiet"])?;
    let commit = |number: u32| {
        let message = number.to_string();
        git(&["commit", "--quiet", "--allow-empty", "--message", &message])?;
        git(&["rev-parse", "HEAD"])
    };
    (1..=number).map(commit).collect()
}

#[test]
fn the_given_commit_is_released_again() -> Result<()> {
    let host = Render::good()?;
    host.world.release(NEW);

    let unknown = host.rollback(&[], &[])?;
    let named = host.rollback(&["--sha", OLD], &[])?;

    // Earlier commits come from git, which doesn't know those of this test.
    unknown.assert_failed(&["has no commits before", "--sha"]);
    named.assert_succeeded(&[]);
    assert_eq!(host.world.released(), [NEW, OLD]);
    Ok(())
}

#[test]
fn the_default_is_the_newest_earlier_commit_with_an_image() -> Result<()> {
    let host = Render::good()?;
    let folder = tempfile::tempdir()?;
    let commits = commits(folder.path(), 4)?;
    let [first, second, _without_image, running] = &commits[..] else {
        anyhow::bail!("{commits:?}")
    };
    for revision in [first, second, running] {
        host.registry.add(revision)?;
    }
    host.world.release(running);
    let git = folder.path().join(".git").display().to_string();

    let run = host.rollback(&[], &[("GIT_DIR", &git)])?;

    run.assert_succeeded(&[&format!(
        "{running} is running; the newest one before it with an image is {second}"
    )]);
    assert_eq!(host.world.released(), [running.as_str(), second]);
    Ok(())
}
