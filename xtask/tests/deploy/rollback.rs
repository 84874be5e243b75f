//! Manual rollbacks.

use std::path::Path;
use std::process::Command;

use anyhow::{Result, ensure};
use serde_json::json;

use crate::registry::{self, ACCOUNT, Registry};
use crate::server::{self, Reply};
use crate::world::{NEW, OLD, ReleaseResult, Shared};
use crate::xtask::{Run, run};

/// A host that releases any image.
struct Host {
    world: Shared,
    registry: Registry,
    hook: String,
    app_url: String,
}

impl Host {
    fn start() -> Result<Self> {
        let world = Shared::new(ReleaseResult::Good { looks: 0 });
        let ours = world.clone();
        let hook = server::start(move |asked| {
            let digest = asked.query.split("%40sha256%3A").nth(1).unwrap_or_default();
            match registry::revision(&format!("sha256:{digest}")) {
                Some(revision) => {
                    ours.release(&revision);
                    Reply::json(&json!({}))
                }
                None => Reply::new(404, ""),
            }
        })?;
        Ok(Self {
            app_url: world.site()?,
            world,
            registry: Registry::new()?,
            hook: format!("http://{hook}/deploy/srv-1?key=hunter5"),
        })
    }

    fn rollback(&self, more: &[&str], variables: &[(&str, &str)]) -> Result<Run> {
        let path = self.registry.path();
        let ours = [
            ("APP_URL", self.app_url.as_str()),
            ("RENDER_DEPLOY_HOOK_URL", &self.hook),
            ("PATH", &path),
        ];
        let line = [&["rollback", "render", "--name", ACCOUNT], more].concat();
        run(&line, &[&ours, variables].concat())
    }
}

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
    let host = Host::start()?;
    host.world.release(NEW);

    let unknown = host.rollback(&[], &[])?;
    let named = host.rollback(&["--sha", OLD], &[])?;

    // Earlier commits come from git, which doesn't know those of this test.
    assert!(!unknown.ok);
    unknown.assert_printed(&["has no commits before", "--sha"]);
    assert!(named.ok, "{}", named.output);
    assert_eq!(host.world.released(), [NEW, OLD]);
    Ok(())
}

#[test]
fn the_default_is_the_newest_earlier_commit_with_an_image() -> Result<()> {
    let host = Host::start()?;
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

    assert!(run.ok, "{}", run.output);
    run.assert_printed(&[&format!(
        "{running} is running; the newest one before it with an image is {second}"
    )]);
    assert_eq!(host.world.released(), [running.as_str(), second]);
    Ok(())
}
