//! Variables as they come out of a clipboard: with line breaks, with logins, in the wrong field.

use std::net::TcpListener;

use anyhow::Result;

use crate::heroku::{self, Heroku, Trick};
use crate::render::{API_KEY, Doors, HOOK_KEY, Render};
use crate::vps::Vps;
use crate::world::{Day, NEW, Shared};
use crate::xtask::Run;

fn a_render() -> Result<Render> {
    Render::start(Day::Good { looks: 0 }, Doors::default())
}

/// Asserts that the run ended with these words, before anybody was asked for anything.
fn assert_refused(run: &Run, world: &Shared, words: &[&str]) {
    assert!(!run.ok, "{}", run.said);
    run.assert_said(words);
    assert!(!run.said.contains("oing back"), "{}", run.said);
    assert!(!run.said.contains("healthz"), "{}", run.said);
    assert!(world.released().is_empty());
}

#[test]
fn a_line_break_at_the_end_is_none() -> Result<()> {
    let host = a_render()?;
    let hook = format!("{}\n", host.hook);
    let key = format!(" {API_KEY}\r\n");

    let render = host.deploy(
        &[],
        &[("RENDER_DEPLOY_HOOK_URL", &hook), ("RENDER_API_KEY", &key)],
    )?;

    assert!(render.ok, "{}", render.said);
    assert_eq!(host.world.released(), [NEW]);

    let host = Heroku::start(Day::Good { looks: 0 }, Trick::None)?;
    let key = format!("{}\n", heroku::KEY);

    let heroku = host.deploy(
        &[],
        &[
            ("HEROKU_API_KEY", &key),
            ("HEROKU_APP_NAME", "oc-lettings\n"),
        ],
    )?;

    assert!(heroku.ok, "{}", heroku.said);
    assert_eq!(host.world.released(), [NEW]);
    Ok(())
}

#[test]
fn each_variable_that_a_target_needs_is_named_where_it_is_missing() -> Result<()> {
    let (render, heroku, vps) = (
        a_render()?,
        Heroku::start(Day::Good { looks: 0 }, Trick::None)?,
        Vps::start()?,
    );
    // One of blanks is as good as none.
    for (name, run) in [
        (
            "RENDER_DEPLOY_HOOK_URL",
            render.deploy(&[], &[("RENDER_DEPLOY_HOOK_URL", " \n")])?,
        ),
        ("APP_URL", render.deploy(&[], &[("APP_URL", "")])?),
        (
            "HEROKU_API_KEY",
            heroku.deploy(&[], &[("HEROKU_API_KEY", "\n")])?,
        ),
        (
            "HEROKU_APP_NAME",
            heroku.deploy(&[], &[("HEROKU_APP_NAME", "")])?,
        ),
        ("SSH_HOST", vps.deploy(&[], &[("SSH_HOST", "")])?),
        ("SSH_USER", vps.deploy(&[], &[("SSH_USER", "")])?),
        (
            "SSH_PRIVATE_KEY",
            vps.deploy(&[], &[("SSH_PRIVATE_KEY", "\n")])?,
        ),
        (
            "SSH_KNOWN_HOSTS",
            vps.deploy(&[], &[("SSH_KNOWN_HOSTS", "")])?,
        ),
        (
            "PROJECT_VPS_PATH",
            vps.deploy(&[], &[("PROJECT_VPS_PATH", "")])?,
        ),
    ] {
        assert!(!run.ok);
        run.assert_said(&[&format!("{name} is not set")]);
    }
    Ok(())
}

#[test]
fn what_can_be_no_header_is_named_at_once() -> Result<()> {
    for more in [&[][..], &["--dry-run"]] {
        let host = a_render()?;
        let run = host.deploy(more, &[("RENDER_API_KEY", "rnd_\nhunter4")])?;
        assert_refused(&run, &host.world, &["RENDER_API_KEY must be one word"]);
        run.assert_hid(&["hunter4"]);

        let host = Heroku::start(Day::Good { looks: 0 }, Trick::None)?;
        let run = host.deploy(more, &[("HEROKU_API_KEY", "HRKU hunter4")])?;
        assert_refused(&run, &host.world, &["HEROKU_API_KEY must be one word"]);
        run.assert_hid(&["hunter4"]);
    }
    Ok(())
}

#[test]
fn what_can_be_no_address_is_named_at_once() -> Result<()> {
    for (name, value) in [
        (
            "RENDER_DEPLOY_HOOK_URL",
            "https://api.example/deploy/srv-1?key=\nhunter4",
        ),
        ("RENDER_DEPLOY_HOOK_URL", "hunter4"),
        (
            "RENDER_DEPLOY_HOOK_URL",
            "https://api.example/deploy/srv-1?key=1#hunter4",
        ),
        ("APP_URL", "http://bob:hunter4@127.0.0.1:1"),
        ("APP_URL", "bob:hunter4@127.0.0.1:1"),
        ("APP_URL", "http://127.0.0.1:1/?key=hunter4"),
        ("APP_URL", "http://127.0.0.1:1/#hunter4"),
    ] {
        for more in [&[][..], &["--dry-run"]] {
            let host = a_render()?;

            let run = host.deploy(more, &[(name, value)])?;

            assert_refused(&run, &host.world, &[&format!("{name} must be an address")]);
            run.assert_hid(&["hunter4"]);
        }
    }
    Ok(())
}

#[test]
fn no_error_shows_what_a_variable_holds() -> Result<()> {
    let heroku = Heroku::start(Day::Good { looks: 0 }, Trick::None)?;
    for (name, value) in [
        ("HEROKU_APP_NAME", "HRKU-hunter4"),
        ("HEROKU_API_URL", "https://bob:hunter4@api.example"),
        ("HEROKU_REGISTRY", "bob:hunter4@registry.example"),
    ] {
        let run = heroku.deploy(&[], &[(name, value)])?;
        assert_refused(&run, &heroku.world, &[&format!("{name} must be")]);
        run.assert_hid(&["hunter4"]);
    }

    let vps = Vps::start()?;
    for (name, value, rule) in [
        (
            "SSH_HOST",
            "bob:hunter4@vps.example",
            "SSH_HOST has something",
        ),
        ("SSH_USER", "bob:hunter4", "SSH_USER must be"),
        ("PROJECT_VPS_PATH", "hunter4", "PROJECT_VPS_PATH must be"),
    ] {
        let run = vps.deploy(&[], &[(name, value)])?;
        assert!(!run.ok);
        run.assert_said(&[rule]);
        run.assert_hid(&["hunter4"]);
    }
    Ok(())
}

#[test]
fn a_host_that_was_never_reached_is_no_failed_release() -> Result<()> {
    let nobody = TcpListener::bind(("127.0.0.1", 0))?.local_addr()?;
    let host = a_render()?;
    let hook = format!("http://{nobody}/deploy/srv-1?key={HOOK_KEY}");

    let run = host.deploy(&[], &[("RENDER_DEPLOY_HOOK_URL", &hook)])?;

    assert!(!run.ok);
    run.assert_said(&[
        "nothing was changed",
        "Render's deploy hook does not answer",
    ]);
    assert!(!run.said.contains("oing back"), "{}", run.said);
    Ok(())
}

#[test]
fn an_image_that_does_not_get_to_heroku_changes_nothing() -> Result<()> {
    let nobody = TcpListener::bind(("127.0.0.1", 0))?
        .local_addr()?
        .to_string();
    let host = Heroku::start(Day::Good { looks: 0 }, Trick::None)?;

    let run = host.deploy(&[], &[("HEROKU_REGISTRY", &nobody)])?;

    assert!(!run.ok);
    run.assert_said(&["nothing was changed", "the image did not get there"]);
    assert!(!run.said.contains("oing back"), "{}", run.said);
    assert!(host.world.released().is_empty());
    Ok(())
}
