//! Deploys to a fake Heroku.

use anyhow::Result;
use serde_json::{Value, json};

use crate::registry::{self, ACCOUNT, Registry};
use crate::server::{self, Asked, Reply};
use crate::world::{GOOD, NEW, OLD, ReleaseResult, Shared};
use crate::xtask::{Run, run};

pub(crate) const KEY: &str = "HRKU-hunter2";

/// The fake host with a registry and a site.
pub(crate) struct Heroku {
    pub(crate) world: Shared,
    app_url: String,
    pub(crate) registry: Registry,
    api: String,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum HerokuFault {
    None,
    /// Every release of the new revision fails, though the request got 200.
    ReleaseFails,
    /// The request gets 200, but no release follows.
    NoRelease,
    Refusal,
    /// The request is rejected because the image is already running.
    SameImage,
    /// The release succeeds after a while.
    Slow,
    /// The release fails after a while.
    SlowFailure,
}

impl Heroku {
    pub(crate) fn start(day: ReleaseResult, fault: HerokuFault) -> Result<Self> {
        let world = Shared::new(day);
        let api = server::start(answers(world.clone(), fault))?;
        Ok(Self {
            app_url: world.site()?,
            world,
            registry: Registry::new()?,
            api: format!("http://{api}"),
        })
    }

    pub(crate) fn deploy(&self, more: &[&str], variables: &[(&str, &str)]) -> Result<Run> {
        let path = self.registry.path();
        let ours = [
            ("APP_URL", self.app_url.as_str()),
            ("HEROKU_API_KEY", KEY),
            ("HEROKU_APP_NAME", "oc-lettings"),
            ("HEROKU_API_URL", &self.api),
            ("PATH", &path),
        ];
        let line = [&["deploy", "heroku", "--sha", NEW, "--name", ACCOUNT], more].concat();
        let run = run(&line, &[&ours, variables].concat())?;
        run.assert_hides(&[KEY]);
        Ok(run)
    }

    fn copy(&self, tag: &str) -> Option<String> {
        let account = "registry.heroku.com/oc-lettings";
        self.registry.find(account, "web", tag)
    }
}

fn answers(world: Shared, fault: HerokuFault) -> impl FnMut(&Asked) -> Reply + Send {
    let mut asks = 0;
    let mut releases = vec![json!({ "version": 41, "status": "succeeded", "description": "" })];
    move |asked| {
        if asked.headers.get("authorization") != Some(&format!("Bearer {KEY}")) {
            return Reply::new(401, "{\"id\":\"unauthorized\"}");
        }
        match (asked.method.as_str(), asked.path.as_str()) {
            ("GET", "/apps/oc-lettings") => {
                Reply::json(&json!({ "stack": { "name": "container" } }))
            }
            ("GET", "/apps/oc-lettings/releases") => {
                let newest = releases.last().cloned().unwrap_or_default();
                if newest["status"] == "pending" {
                    asks += 1;
                    let end = if fault == HerokuFault::Slow {
                        "succeeded"
                    } else {
                        "failed"
                    };
                    if let Some(release) = releases.last_mut().filter(|_| asks == 5) {
                        release["status"] = end.into();
                    }
                }
                Reply::json(&json!([newest]))
            }
            ("PATCH", "/apps/oc-lettings/formation") => {
                let Some(revision) = wanted(asked) else {
                    return Reply::new(422, "no such image");
                };
                let is_new = revision == NEW;
                if is_new && fault == HerokuFault::Refusal {
                    return Reply::new(402, "{\"id\":\"delinquent\"}");
                }
                if is_new && fault == HerokuFault::SameImage {
                    let message = "The process type web was not updated, because it is already running the specified \
                                   docker image.";
                    let body = json!({ "id": "invalid_params", "message": message });
                    return Reply::new(422, body.to_string());
                }
                if is_new && fault == HerokuFault::NoRelease {
                    world.lock().released.push(revision);
                    return Reply::json(&json!([]));
                }
                let fails = is_new && fault == HerokuFault::ReleaseFails;
                if fails {
                    world.lock().released.push(revision);
                } else {
                    world.release(&revision);
                }
                let status = match fault {
                    HerokuFault::Slow | HerokuFault::SlowFailure if is_new => "pending",
                    _ if fails => "failed",
                    _ => "succeeded",
                };
                let version = 41 + releases.len();
                releases.push(
                    json!({ "version": version, "status": status, "description": "Deployed web" }),
                );
                Reply::json(&json!([{ "type": "web" }]))
            }
            _ => Reply::new(404, "{}"),
        }
    }
}

fn wanted(asked: &Asked) -> Option<String> {
    let change: Value = serde_json::from_slice(&asked.body).ok()?;
    registry::revision(change["updates"][0]["docker_image"].as_str()?)
}

#[test]
fn the_image_is_copied_and_released() -> Result<()> {
    let host = Heroku::start(ReleaseResult::Good { looks: 3 }, HerokuFault::None)?;

    let run = host.deploy(&[], &[])?;

    run.assert_succeeded(&[]);
    assert_eq!(host.world.released(), [NEW]);
    for tag in [NEW, "latest"] {
        assert_eq!(host.copy(tag), Some(registry::digest(NEW)));
    }
    assert!(host.registry.logins()?.contains("registry.heroku.com"));
    Ok(())
}

#[test]
fn a_failed_release_is_detected_despite_a_200() -> Result<()> {
    for (fault, saw) in [
        (
            HerokuFault::ReleaseFails,
            "status of release v42 (Deployed web) on Heroku: failed",
        ),
        (HerokuFault::NoRelease, "made no release after v41"),
    ] {
        let host = Heroku::start(GOOD, fault)?;

        let run = host.deploy(&[], &[])?;

        run.assert_failed(&[saw, &format!("Went back: {OLD} answers again")]);
        assert_eq!(host.world.released(), [NEW, OLD]);
    }
    Ok(())
}

#[test]
fn a_deploy_that_cannot_begin_changes_nothing() -> Result<()> {
    let refused = "replied 402: {\"id\":\"delinquent\"}";
    for (fault, is_broken, key, words) in [
        (HerokuFault::Refusal, false, KEY, refused),
        (HerokuFault::None, true, KEY, "could not copy the image"),
        (HerokuFault::None, false, "HRKU-wrong", "replied 401"),
    ] {
        let host = Heroku::start(GOOD, fault)?;
        if is_broken {
            host.registry.break_copies()?;
        }

        let run = host.deploy(&[], &[("HEROKU_API_KEY", key)])?;

        run.assert_failed(&["nothing was changed", words]);
        assert!(host.world.released().is_empty());
        let is_copied = host.copy("latest").is_some();
        assert_eq!(is_copied, fault == HerokuFault::Refusal);
    }
    Ok(())
}
