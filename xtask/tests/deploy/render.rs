//! Deploys to a fake Render.

use anyhow::Result;
use serde_json::json;

use crate::registry::{self, ACCOUNT, Registry};
use crate::server::{self, Reply};
use crate::world::{GOOD, NEW, OLD, ReleaseResult, Shared};
use crate::xtask::{Run, run, run_with_default_pauses};

pub(crate) const HOOK_KEY: &str = "hook-hunter2";
pub(crate) const API_KEY: &str = "rnd_hunter3";

/// Behaviour of the hook and the API.
#[derive(Clone, Copy, Default)]
pub(crate) struct RenderFaults {
    /// Number of times that the hook replies as busy.
    pub(crate) busy: u32,
    /// The hook's reply to every request, unless it succeeds.
    pub(crate) refusal: Option<u16>,
    /// Status of every deploy of the new revision in the API.
    pub(crate) state: Option<&'static str>,
    /// The hook accepts requests for the new revision, but the reply gets lost.
    pub(crate) hook_hangs: bool,
    /// The API does not reply.
    pub(crate) api_is_busy: bool,
}

/// The fake host with a site, and the variables for it.
pub(crate) struct Render {
    pub(crate) world: Shared,
    app_url: String,
    pub(crate) registry: Registry,
    pub(crate) hook: String,
}

impl Render {
    /// A host on which everything works at once.
    pub(crate) fn good() -> Result<Self> {
        Self::start(GOOD)
    }

    pub(crate) fn start(day: ReleaseResult) -> Result<Self> {
        Self::with(day, |_| ())
    }

    pub(crate) fn with(day: ReleaseResult, set: impl FnOnce(&mut RenderFaults)) -> Result<Self> {
        let mut faults = RenderFaults::default();
        set(&mut faults);
        let world = Shared::new(day);
        let hook = server::start(answers(world.clone(), faults))?;
        Ok(Self {
            app_url: world.site()?,
            world,
            registry: Registry::new()?,
            hook: format!("http://{hook}/deploy/srv-1?key={HOOK_KEY}"),
        })
    }

    pub(crate) fn deploy(&self, more: &[&str], variables: &[(&str, &str)]) -> Result<Run> {
        self.deploy_by(run, more, variables)
    }

    /// Deploys the new revision with default pauses and this timeout.
    fn deploy_with_default_pauses(&self, timeout: &str) -> Result<Run> {
        self.deploy_by(run_with_default_pauses, &["--timeout", timeout], &[])
    }

    fn deploy_by(
        &self,
        run: impl Fn(&[&str], &[(&str, &str)]) -> Result<Run>,
        more: &[&str],
        variables: &[(&str, &str)],
    ) -> Result<Run> {
        let mut line = [&["deploy"], more].concat();
        if !more.contains(&"--sha") {
            line.extend(["--sha", NEW]);
        }
        self.run(run, &line, variables)
    }

    pub(crate) fn rollback(&self, more: &[&str], variables: &[(&str, &str)]) -> Result<Run> {
        self.run(run, &[&["rollback"], more].concat(), variables)
    }

    fn run(
        &self,
        run: impl Fn(&[&str], &[(&str, &str)]) -> Result<Run>,
        line: &[&str],
        variables: &[(&str, &str)],
    ) -> Result<Run> {
        let path = self.registry.path();
        let ours = [
            ("APP_URL", self.app_url.as_str()),
            ("RENDER_DEPLOY_HOOK_URL", &self.hook),
            ("PATH", &path),
        ];
        let line = [line, &["render", "--name", ACCOUNT]].concat();
        let run = run(&line, &[&ours, variables].concat())?;
        run.assert_hides(&[HOOK_KEY, API_KEY]);
        Ok(run)
    }
}

fn answers(world: Shared, faults: RenderFaults) -> impl FnMut(&server::Asked) -> Reply + Send {
    let mut busy = faults.busy;
    move |asked| {
        if asked.path.starts_with("/v1/services/srv-1") {
            if faults.api_is_busy {
                return Reply::new(503, "busy");
            }
            let expected = format!("Bearer {API_KEY}");
            let given = asked.headers.get("authorization");
            if given != Some(&expected) {
                return Reply::new(401, format!("no such key: {given:?}"));
            }
            let newest = world.released().pop();
            let state = match faults.state {
                Some(state) if newest.as_deref() == Some(NEW) => state,
                _ => "live",
            };
            return Reply::json(&json!({ "id": "dep-1", "status": state }));
        }
        if let Some(status) = faults.refusal {
            return Reply::new(
                status,
                format!("{HOOK_KEY} of {} is not welcome", asked.query),
            );
        }
        if busy > 0 {
            busy -= 1;
            return Reply::new(503, "busy");
        }
        let image = asked.query.split("imgURL=").nth(1).unwrap_or_default();
        let image = image
            .replace("%2F", "/")
            .replace("%3A", ":")
            .replace("%40", "@");
        let pinned = image.split_once('@').map_or("", |(_, digest)| digest);
        let known = asked.method == "POST" && asked.query.starts_with(&format!("key={HOOK_KEY}&"));
        match registry::revision(pinned) {
            Some(revision) if known => {
                world.release(&revision);
                if faults.hook_hangs && revision == NEW {
                    return Reply::silence();
                }
                Reply::json(&json!({ "deploy": { "id": "dep-1" } }))
            }
            _ => Reply::new(404, "no such hook or image"),
        }
    }
}

/// Asserts that the new revision was released and the old one restored.
pub(crate) fn assert_went_back(host: &Render, run: &Run, saw: &str) {
    run.assert_failed(&[saw, &format!("Went back: {OLD} answers again")]);
    assert_eq!(host.world.released(), [NEW, OLD]);
}

#[test]
fn a_good_release_succeeds() -> Result<()> {
    let host = Render::start(ReleaseResult::Good { looks: 7 })?;

    let run = host.deploy(&[], &[])?;

    run.assert_succeeded(&[]);
    let pinned = format!("oc-lettings-site@{}", registry::digest(NEW));
    run.assert_printed(&[&pinned, "10 times in a row", &format!("answers with {NEW}")]);
    assert_eq!(host.world.released(), [NEW]);
    Ok(())
}

#[test]
fn a_busy_hook_is_retried() -> Result<()> {
    let host = Render::with(GOOD, |faults| faults.busy = 3)?;

    let run = host.deploy(&[], &[])?;

    run.assert_succeeded(&["Render's deploy hook replied 503"]);
    assert_eq!(host.world.released(), [NEW]);
    Ok(())
}

#[test]
fn a_deploy_that_cannot_begin_shows_no_secret_and_changes_nothing() -> Result<()> {
    let unknown = ["--sha", &"1".repeat(40)];
    let wrong_key = [("RENDER_API_KEY", "wrong-hunter4")];
    for (refusal, more, variables, words) in [
        (Some(400), &[][..], &[][..], "hook replied 400: … of "),
        (Some(401), &[], &[], "hook replied 401: … of "),
        (Some(404), &[], &[], "hook replied 404: … of "),
        (None, &[], &wrong_key, "Render's API replied 401"),
        (None, &unknown, &[], "there is no image"),
    ] {
        let host = Render::with(GOOD, |faults| faults.refusal = refusal)?;

        let run = host.deploy(more, variables)?;

        run.assert_failed(&[words]);
        if more.is_empty() {
            run.assert_printed(&["nothing was changed"]);
        }
        run.assert_hides(&["wrong-hunter4"]);
        assert!(host.world.released().is_empty());
    }
    let host = Render::good()?;
    let dry = host.deploy(&["--dry-run"], &[])?;
    dry.assert_succeeded(&["would release it"]);
    assert!(host.world.released().is_empty());
    Ok(())
}

#[test]
fn a_broken_hook_leaves_the_old_revision_running() -> Result<()> {
    let host = Render::with(GOOD, |faults| faults.refusal = Some(500))?;

    let run = host.deploy(&["--timeout", "200ms"], &[])?;

    run.assert_failed(&["Render's deploy hook replied 500", "Going back FAILED too"]);
    Ok(())
}

#[test]
fn a_bad_release_is_rolled_back() -> Result<()> {
    for (day, saw) in [
        (ReleaseResult::WrongRevision, "main, ready"),
        (ReleaseResult::Flapping, "not ready 10 times in a row"),
        (
            ReleaseResult::NeverReady,
            "not ready (/readyz replied 503: {\"database\":\"failed\"})",
        ),
        (ReleaseResult::Down, "/healthz replied 502"),
        (ReleaseResult::Good { looks: 1_000_000 }, OLD),
        (
            ReleaseResult::NothingHappens,
            "was not ready 10 times in a row",
        ),
    ] {
        let host = Render::start(day)?;

        let run = host.deploy(&["--timeout", "600ms"], &[])?;

        assert_went_back(&host, &run, saw);
    }
    Ok(())
}

#[test]
fn a_hanging_site_or_hook_times_out() -> Result<()> {
    for (day, hook_hangs, saw) in [
        (ReleaseResult::Hangs, false, "no reply from /healthz"),
        (
            ReleaseResult::Down,
            true,
            "no reply from Render's deploy hook",
        ),
    ] {
        let host = Render::with(day, |faults| faults.hook_hangs = hook_hangs)?;

        let run = host.deploy_with_default_pauses("2s")?;

        assert_went_back(&host, &run, saw);
    }
    Ok(())
}

#[test]
fn ten_checks_fit_into_a_short_timeout() -> Result<()> {
    let host = Render::good()?;

    let run = host.deploy_with_default_pauses("10s")?;

    run.assert_succeeded(&["10 times in a row"]);
    Ok(())
}

#[test]
fn a_failure_reported_by_the_api_ends_the_wait() -> Result<()> {
    for state in ["build_failed", "pre_deploy_failed", "canceled"] {
        let host = Render::with(ReleaseResult::Down, |faults| faults.state = Some(state))?;

        // Without the API this would wait for fifteen minutes.
        let run = host.deploy(&[], &[("RENDER_API_KEY", API_KEY)])?;

        assert_went_back(&host, &run, &format!("status of dep-1 on Render: {state}"));
    }
    Ok(())
}

#[test]
fn an_unavailable_api_does_not_fail_a_good_release() -> Result<()> {
    let host = Render::with(ReleaseResult::Good { looks: 7 }, |faults| {
        faults.api_is_busy = true;
    })?;

    let run = host.deploy(&[], &[("RENDER_API_KEY", API_KEY)])?;

    run.assert_succeeded(&["the API is not available", &format!("answers with {NEW}")]);
    assert_eq!(host.world.released(), [NEW]);
    Ok(())
}

#[test]
fn one_failed_request_does_not_hide_the_running_revision() -> Result<()> {
    let host = Render::start(ReleaseResult::Down)?;
    host.world.lock().unlucky = 1;

    let run = host.deploy(&["--timeout", "600ms"], &[])?;

    assert_went_back(&host, &run, &format!("answers with {OLD}"));
    Ok(())
}
