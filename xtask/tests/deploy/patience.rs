//! How long a deploy waits, and what it does not give up for.

use anyhow::Result;

use crate::render::{API_KEY, Doors, Render, assert_went_back};
use crate::world::{Day, NEW, OLD};

#[test]
fn a_site_that_takes_connections_and_hangs_is_given_up() -> Result<()> {
    let host = Render::start(Day::Hangs, Doors::default())?;

    let run = host.deploy_at_its_own_pace(&["--timeout", "2s"], &[])?;

    assert_went_back(&host, &run, "/healthz does not answer");
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

    assert_went_back(&host, &run, "Render's deploy hook does not answer");
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

        assert_went_back(&host, &run, &format!("Render says of dep-1: {state}"));
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
    run.assert_said(&[
        "the site alone will tell how it goes",
        &format!("answers with {NEW}"),
    ]);
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
