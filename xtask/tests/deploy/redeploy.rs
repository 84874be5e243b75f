//! Releases of the commit that runs already: what the site answers proves nothing, and the host has to say how it went.

use anyhow::Result;

use crate::heroku::{Heroku, Trick};
use crate::render::{API_KEY, Doors, Render};
use crate::world::{Day, NEW};
use crate::xtask::Run;

/// A Heroku on which the new revision runs already.
fn heroku(trick: Trick) -> Result<Heroku> {
    let host = Heroku::start(Day::Good { looks: 0 }, trick)?;
    host.world.release(NEW);
    Ok(host)
}

/// Releases the new revision to a Render that runs it already, and that says so of the deploy.
fn render(state: &'static str, more: &[&str], variables: &[(&str, &str)]) -> Result<Run> {
    let doors = Doors {
        state: Some(state),
        ..Doors::default()
    };
    let host = Render::start(Day::Good { looks: 0 }, doors)?;
    host.world.release(NEW);
    host.deploy(more, variables)
}

#[test]
fn a_release_that_failed_or_was_never_made_is_no_success() -> Result<()> {
    for (trick, saw) in [
        (
            Trick::ReleaseFails,
            "status of release v42 (Deployed web) on Heroku: failed",
        ),
        (
            Trick::SlowFailure,
            "status of release v42 (Deployed web) on Heroku: failed",
        ),
        (Trick::NoRelease, "made no release after v41"),
    ] {
        let run = heroku(trick)?.deploy(&[], &[])?;

        assert!(!run.ok, "{}", run.said);
        run.assert_said(&[
            saw,
            &format!(" × {NEW}, ready"),
            "this commit was running before",
        ]);
    }
    Ok(())
}

#[test]
fn a_release_that_is_made_once_more_is_a_success() -> Result<()> {
    for trick in [Trick::None, Trick::Slow] {
        let run = heroku(trick)?.deploy(&[], &[])?;

        assert!(run.ok, "{}", run.said);
        run.assert_said(&[&format!("answers with {NEW}")]);
    }
    Ok(())
}

#[test]
fn an_image_that_heroku_runs_already_needs_no_release() -> Result<()> {
    let run = heroku(Trick::SameImage)?.deploy(&[], &[])?;

    assert!(run.ok, "{}", run.said);
    run.assert_said(&["already, without a new release", "10 times in a row"]);
    Ok(())
}

#[test]
fn a_deploy_that_render_gives_up_is_no_success() -> Result<()> {
    let run = render("update_failed", &[], &[("RENDER_API_KEY", API_KEY)])?;

    assert!(!run.ok, "{}", run.said);
    run.assert_said(&["status of dep-1 on Render: update_failed"]);
    Ok(())
}

#[test]
fn a_deploy_that_render_is_not_through_with_is_waited_for() -> Result<()> {
    let hurry = ["--timeout", "300ms"];

    let run = render("update_in_progress", &hurry, &[("RENDER_API_KEY", API_KEY)])?;

    assert!(!run.ok, "{}", run.said);
    run.assert_said(&["is ready, but the release is still pending within 0.3 s"]);
    Ok(())
}

#[test]
fn a_render_that_tells_nothing_leaves_it_to_the_site() -> Result<()> {
    for state in ["update_failed", "live"] {
        let run = render(state, &[], &[])?;

        assert!(run.ok, "{}", run.said);
    }
    let run = render("a_new_word", &[], &[("RENDER_API_KEY", API_KEY)])?;

    assert!(run.ok, "{}", run.said);
    Ok(())
}

#[test]
fn an_api_that_cannot_be_asked_proves_nothing() -> Result<()> {
    let doors = Doors {
        api_is_busy: true,
        ..Doors::default()
    };
    let host = Render::start(Day::Good { looks: 0 }, doors)?;
    host.world.release(NEW);

    let run = host.deploy(&["--timeout", "300ms"], &[("RENDER_API_KEY", API_KEY)])?;

    assert!(!run.ok, "{}", run.said);
    run.assert_said(&["still pending", "Render's API replied 503"]);
    Ok(())
}
