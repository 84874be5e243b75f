//! Deploys to something like Render.

use anyhow::Result;
use serde_json::json;

use crate::registry::{self, ACCOUNT, Registry};
use crate::server::{self, Reply};
use crate::world::{Day, NEW, OLD, Shared};
use crate::xtask::{Run, run, run_at_its_own_pace};

pub(crate) const HOOK_KEY: &str = "hook-hunter2";
pub(crate) const API_KEY: &str = "rnd_hunter3";

/// What the host's own doors do.
#[derive(Clone, Copy, Default)]
pub(crate) struct Doors {
    /// The hook is busy so many times before it hears.
    pub(crate) busy: u32,
    /// The hook's answer to everybody, if it is not yes.
    pub(crate) refusal: Option<u16>,
    /// What the API says of every deploy of the new revision.
    pub(crate) state: Option<&'static str>,
    /// The hook takes requests for the new revision, does as it is told and says nothing.
    pub(crate) hook_hangs: bool,
    /// The API has no time for anybody.
    pub(crate) api_is_busy: bool,
}

/// A host with a site; the variables that lead there.
pub(crate) struct Render {
    pub(crate) world: Shared,
    app_url: String,
    pub(crate) registry: Registry,
    pub(crate) hook: String,
}

impl Render {
    /// One on which the old revision runs.
    pub(crate) fn start(day: Day, doors: Doors) -> Result<Self> {
        let world = Shared::new(day);
        let hook = server::start(answers(world.clone(), doors))?;
        Ok(Self {
            app_url: world.site()?,
            world,
            registry: Registry::new()?,
            hook: format!("http://{hook}/deploy/srv-1?key={HOOK_KEY}"),
        })
    }

    /// Releases the new revision, in a hurry.
    pub(crate) fn deploy(&self, more: &[&str], variables: &[(&str, &str)]) -> Result<Run> {
        self.deploy_by(run, more, variables)
    }

    /// Releases the new revision with the pauses that the program chooses.
    pub(crate) fn deploy_at_its_own_pace(
        &self,
        more: &[&str],
        variables: &[(&str, &str)],
    ) -> Result<Run> {
        self.deploy_by(run_at_its_own_pace, more, variables)
    }

    fn deploy_by(
        &self,
        run: impl Fn(&[&str], &[(&str, &str)]) -> Result<Run>,
        more: &[&str],
        variables: &[(&str, &str)],
    ) -> Result<Run> {
        let path = self.registry.path();
        let ours = [
            ("APP_URL", self.app_url.as_str()),
            ("RENDER_DEPLOY_HOOK_URL", &self.hook),
            ("PATH", &path),
        ];
        let mut line = [&["deploy", "render", "--name", ACCOUNT], more].concat();
        if !more.contains(&"--sha") {
            line.extend(["--sha", NEW]);
        }
        let run = run(&line, &[&ours, variables].concat())?;
        run.assert_hid(&[HOOK_KEY, API_KEY]);
        Ok(run)
    }
}

fn answers(world: Shared, doors: Doors) -> impl FnMut(&server::Asked) -> Reply + Send {
    let mut busy = doors.busy;
    move |asked| {
        if asked.path.starts_with("/v1/services/srv-1") {
            if doors.api_is_busy {
                return Reply::new(503, "busy");
            }
            let expected = format!("Bearer {API_KEY}");
            let given = asked.headers.get("authorization");
            if given != Some(&expected) {
                return Reply::new(401, format!("no such key: {given:?}"));
            }
            let newest = world.released().pop();
            let state = match doors.state {
                Some(state) if newest.as_deref() == Some(NEW) => state,
                _ => "live",
            };
            return Reply::json(&json!({ "id": "dep-1", "status": state }));
        }
        if let Some(status) = doors.refusal {
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
                if doors.hook_hangs && revision == NEW {
                    return Reply::silence();
                }
                Reply::json(&json!({ "deploy": { "id": "dep-1" } }))
            }
            _ => Reply::new(404, "no such hook or image"),
        }
    }
}

/// Asserts that the new revision was tried, and the old one brought back.
pub(crate) fn assert_went_back(host: &Render, run: &Run, saw: &str) {
    assert!(!run.ok);
    run.assert_said(&[saw, &format!("Went back: {OLD} answers again")]);
    assert_eq!(host.world.released(), [NEW, OLD]);
}

#[test]
fn a_good_release_is_waited_for() -> Result<()> {
    let host = Render::start(Day::Good { looks: 7 }, Doors::default())?;

    let run = host.deploy(&[], &[])?;

    assert!(run.ok, "{}", run.said);
    let pinned = format!("oc-lettings-site@{}", registry::digest(NEW));
    run.assert_said(&[&pinned, "10 times in a row", &format!("answers with {NEW}")]);
    assert_eq!(host.world.released(), [NEW]);
    Ok(())
}

#[test]
fn a_busy_hook_is_asked_again() -> Result<()> {
    let doors = Doors {
        busy: 3,
        ..Doors::default()
    };
    let host = Render::start(Day::Good { looks: 0 }, doors)?;

    let run = host.deploy(&[], &[])?;

    assert!(run.ok, "{}", run.said);
    run.assert_said(&["Render's deploy hook replied 503"]);
    assert_eq!(host.world.released(), [NEW]);
    Ok(())
}

#[test]
fn a_refusal_is_an_error_shows_no_secret_and_changes_nothing() -> Result<()> {
    for status in [400, 401, 403, 404] {
        let doors = Doors {
            refusal: Some(status),
            ..Doors::default()
        };
        let host = Render::start(Day::Good { looks: 0 }, doors)?;

        let run = host.deploy(&[], &[])?;

        assert!(!run.ok);
        run.assert_said(&[
            "nothing was changed",
            &format!("hook replied {status}: … of "),
            "is not welcome",
        ]);
        assert!(host.world.released().is_empty());
    }
    Ok(())
}

#[test]
fn a_hook_that_stays_broken_leaves_the_old_revision_in_its_place() -> Result<()> {
    let doors = Doors {
        refusal: Some(500),
        ..Doors::default()
    };
    let host = Render::start(Day::Good { looks: 0 }, doors)?;

    let run = host.deploy(&["--timeout", "200ms"], &[])?;

    assert!(!run.ok);
    run.assert_said(&["Render's deploy hook replied 500", "Going back FAILED too"]);
    Ok(())
}

#[test]
fn a_bad_release_is_taken_back() -> Result<()> {
    for (day, saw) in [
        (Day::WrongRevision, "main, ready"),
        (Day::Flapping, "changes before"),
        (
            Day::NeverReady,
            "not ready (/readyz replied 503: {\"database\":\"failed\"})",
        ),
        (Day::Down, "/healthz replied 502"),
        (Day::Good { looks: 1_000_000 }, OLD),
    ] {
        let host = Render::start(day, Doors::default())?;

        let run = host.deploy(&["--timeout", "600ms"], &[])?;

        assert_went_back(&host, &run, saw);
    }
    Ok(())
}

#[test]
fn a_host_that_says_yes_and_does_nothing_is_found_out() -> Result<()> {
    let host = Render::start(Day::NothingHappens, Doors::default())?;

    let run = host.deploy(&["--timeout", "300ms"], &[])?;

    assert_went_back(&host, &run, "was not ready 10 times in a row");
    Ok(())
}

#[test]
fn a_wrong_key_is_found_before_anything_is_changed() -> Result<()> {
    let host = Render::start(Day::Good { looks: 0 }, Doors::default())?;

    let run = host.deploy(&[], &[("RENDER_API_KEY", "wrong-hunter4")])?;

    assert!(!run.ok);
    run.assert_said(&["nothing was changed", "Render's API replied 401"]);
    run.assert_hid(&["wrong-hunter4"]);
    assert!(host.world.released().is_empty());
    Ok(())
}

#[test]
fn a_dry_run_changes_nothing() -> Result<()> {
    let host = Render::start(Day::Good { looks: 0 }, Doors::default())?;

    let run = host.deploy(&["--dry-run"], &[])?;

    assert!(run.ok, "{}", run.said);
    run.assert_said(&["would release it"]);
    assert!(host.world.released().is_empty());
    Ok(())
}

#[test]
fn a_commit_without_an_image_is_refused() -> Result<()> {
    let host = Render::start(Day::Good { looks: 0 }, Doors::default())?;
    let unknown = "1".repeat(40);

    let run = host.deploy(&["--sha", &unknown], &[])?;

    assert!(!run.ok);
    run.assert_said(&["there is no image", &unknown]);
    assert!(host.world.released().is_empty());
    Ok(())
}

#[test]
fn a_site_that_takes_connections_and_hangs_is_given_up() -> Result<()> {
    let host = Render::start(Day::Hangs, Doors::default())?;

    let run = host.deploy_at_its_own_pace(&["--timeout", "2s"], &[])?;

    assert_went_back(&host, &run, "no reply from /healthz");
    Ok(())
}

#[test]
fn a_hook_that_takes_connections_and_hangs_is_given_up() -> Result<()> {
    let doors = Doors {
        hook_hangs: true,
        ..Doors::default()
    };
    let host = Render::start(Day::Down, doors)?;

    let run = host.deploy_at_its_own_pace(&["--timeout", "2s"], &[])?;

    assert_went_back(&host, &run, "no reply from Render's deploy hook");
    Ok(())
}

#[test]
fn ten_good_looks_fit_into_a_short_time() -> Result<()> {
    let host = Render::start(Day::Good { looks: 0 }, Doors::default())?;

    let run = host.deploy_at_its_own_pace(&["--timeout", "10s"], &[])?;

    assert!(run.ok, "{}", run.said);
    run.assert_said(&["10 times in a row"]);
    Ok(())
}

#[test]
fn what_the_api_says_ends_the_waiting() -> Result<()> {
    for state in [
        "build_failed",
        "update_failed",
        "pre_deploy_failed",
        "canceled",
    ] {
        let doors = Doors {
            state: Some(state),
            ..Doors::default()
        };
        let host = Render::start(Day::Down, doors)?;

        // Without the API this would wait for fifteen minutes.
        let run = host.deploy(&[], &[("RENDER_API_KEY", API_KEY)])?;

        assert_went_back(&host, &run, &format!("status of dep-1 on Render: {state}"));
    }
    Ok(())
}

#[test]
fn a_silent_api_does_not_outweigh_a_good_site() -> Result<()> {
    let doors = Doors {
        api_is_busy: true,
        ..Doors::default()
    };
    let host = Render::start(Day::Good { looks: 7 }, doors)?;

    let run = host.deploy(&[], &[("RENDER_API_KEY", API_KEY)])?;

    assert!(run.ok, "{}", run.said);
    run.assert_said(&["the API is not available", &format!("answers with {NEW}")]);
    assert_eq!(host.world.released(), [NEW]);
    Ok(())
}

#[test]
fn one_unlucky_look_does_not_hide_what_to_go_back_to() -> Result<()> {
    let host = Render::start(Day::Down, Doors::default())?;
    host.world.lock().unlucky = 1;

    let run = host.deploy(&["--timeout", "600ms"], &[])?;

    assert_went_back(&host, &run, &format!("answers with {OLD}"));
    Ok(())
}
