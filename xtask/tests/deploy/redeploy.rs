//! Deploys of the running commit: the site's answer proves nothing, so the host's status decides.

use anyhow::Result;

use crate::heroku::{Heroku, HerokuFault};
use crate::render::{API_KEY, Render};
use crate::world::{GOOD, NEW};
use crate::xtask::Run;

/// A Heroku app on which the new revision is already running.
fn heroku(fault: HerokuFault) -> Result<Heroku> {
    let host = Heroku::start(GOOD, fault)?;
    host.world.release(NEW);
    Ok(host)
}

/// Deploys the new revision to a Render service that runs it already, with this status in the API.
fn render(state: &'static str, more: &[&str], variables: &[(&str, &str)]) -> Result<Run> {
    let host = Render::with(GOOD, |faults| faults.state = Some(state))?;
    host.world.release(NEW);
    host.deploy(more, variables)
}

#[test]
fn a_failed_or_missing_release_is_a_failure() -> Result<()> {
    let failed = "status of release v42 (Deployed web) on Heroku: failed";
    for (fault, saw) in [
        (HerokuFault::ReleaseFails, failed),
        (HerokuFault::SlowFailure, failed),
        (HerokuFault::NoRelease, "made no release after v41"),
    ] {
        let run = heroku(fault)?.deploy(&[], &[])?;

        run.assert_failed(&[
            saw,
            &format!("last: {NEW}, ready"),
            "this commit was running before",
        ]);
    }
    Ok(())
}

#[test]
fn a_repeated_release_is_a_success() -> Result<()> {
    for fault in [HerokuFault::None, HerokuFault::Slow] {
        let run = heroku(fault)?.deploy(&[], &[])?;

        run.assert_succeeded(&[&format!("answers with {NEW}")]);
    }
    Ok(())
}

#[test]
fn an_image_that_heroku_already_runs_needs_no_release() -> Result<()> {
    let run = heroku(HerokuFault::SameImage)?.deploy(&[], &[])?;

    run.assert_succeeded(&["already, without a new release", "10 times in a row"]);
    Ok(())
}

#[test]
fn a_deploy_that_render_cancels_or_does_not_finish_is_a_failure() -> Result<()> {
    let pending = "is ready, but the release is still pending within 0.3 s";
    for (state, words) in [
        ("update_failed", "status of dep-1 on Render: update_failed"),
        ("update_in_progress", pending),
    ] {
        let hurry = ["--timeout", "300ms"];

        let run = render(state, &hurry, &[("RENDER_API_KEY", API_KEY)])?;

        run.assert_failed(&[words]);
    }
    Ok(())
}

#[test]
fn without_a_status_from_render_the_site_decides() -> Result<()> {
    for state in ["update_failed", "live"] {
        let run = render(state, &[], &[])?;

        run.assert_succeeded(&[]);
    }
    let run = render("a_new_word", &[], &[("RENDER_API_KEY", API_KEY)])?;

    run.assert_succeeded(&[]);
    Ok(())
}

#[test]
fn an_unavailable_api_proves_nothing() -> Result<()> {
    let host = Render::with(GOOD, |faults| faults.api_is_busy = true)?;
    host.world.release(NEW);

    let run = host.deploy(&["--timeout", "300ms"], &[("RENDER_API_KEY", API_KEY)])?;

    run.assert_failed(&["still pending", "Render's API replied 503"]);
    Ok(())
}
