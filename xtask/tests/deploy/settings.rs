//! Variables with line breaks, with logins, or swapped.

use std::net::TcpListener;

use anyhow::Result;

use crate::heroku::{Heroku, HerokuFault};
use crate::render::{API_KEY, HOOK_KEY, Render};
use crate::vps::Vps;
use crate::world::{GOOD, NEW};

#[test]
fn surrounding_whitespace_is_ignored() -> Result<()> {
    let host = Render::good()?;
    let hook = format!("{}\n", host.hook);
    let key = format!(" {API_KEY}\r\n");

    let run = host.deploy(
        &[],
        &[("RENDER_DEPLOY_HOOK_URL", &hook), ("RENDER_API_KEY", &key)],
    )?;

    run.assert_succeeded(&[]);
    assert_eq!(host.world.released(), [NEW]);
    Ok(())
}

#[test]
fn bad_values_are_rejected_by_name_before_anything_is_requested() -> Result<()> {
    let host = Render::good()?;
    for (name, value, rule) in [
        ("RENDER_DEPLOY_HOOK_URL", " \n", "is not set"),
        ("RENDER_DEPLOY_HOOK_URL", "hunter4", "must be a URL"),
        ("RENDER_API_KEY", "rnd_\nhunter4", "must be one word"),
        ("APP_URL", "", "is not set"),
        ("APP_URL", "http://bob:hunter4@127.0.0.1:1", "must be a URL"),
        (
            "APP_URL",
            "http://127.0.0.1:1/?key=hunter4",
            "must be a URL",
        ),
    ] {
        let run = host.deploy(&[], &[(name, value)])?;
        run.assert_rejected(&format!("{name} {rule}"));
    }
    assert!(host.world.released().is_empty());

    let host = Heroku::start(GOOD, HerokuFault::None)?;
    for (name, value, rule) in [
        ("HEROKU_API_KEY", "HRKU hunter4", "must be one word"),
        ("HEROKU_APP_NAME", "HRKU-hunter4", "must be"),
        (
            "HEROKU_API_URL",
            "https://bob:hunter4@api.example",
            "must be",
        ),
        ("HEROKU_REGISTRY", "bob:hunter4@registry.example", "must be"),
    ] {
        let run = host.deploy(&[], &[(name, value)])?;
        run.assert_rejected(&format!("{name} {rule}"));
    }
    assert!(host.world.released().is_empty());

    let vps = Vps::start()?;
    for (name, value, rule) in [
        ("SSH_HOST", "bob:hunter4@vps.example", "must be"),
        ("SSH_USER", "bob:hunter4", "must be"),
        ("SSH_PRIVATE_KEY", "\n", "is not set"),
        ("SSH_KNOWN_HOSTS", "", "is not set"),
        ("PROJECT_VPS_PATH", "hunter4", "must be"),
    ] {
        let run = vps.deploy(&[], &[(name, value)])?;
        run.assert_rejected(&format!("{name} {rule}"));
    }
    Ok(())
}

#[test]
fn an_unreachable_host_changes_nothing() -> Result<()> {
    let host = Render::good()?;
    // After the host's own port: the freed one may be given to the next server.
    let closed = TcpListener::bind(("127.0.0.1", 0))?.local_addr()?;
    let hook = format!("http://{closed}/deploy/srv-1?key={HOOK_KEY}");

    let run = host.deploy(&[], &[("RENDER_DEPLOY_HOOK_URL", &hook)])?;

    run.assert_failed(&["nothing was changed", "Render's deploy hook is unreachable"]);
    assert!(!run.output.contains("oing back"), "{}", run.output);
    Ok(())
}
