//! Deploys to a VPS that fail before anything is changed.

use std::fs;

use anyhow::Result;

use crate::vps::{Vps, assert_both_run, image};
use crate::world::{NEW, OLD};

/// What keeps a deploy from its beginning.
type Obstacle = fn(&Vps) -> Result<Option<fs::File>>;

#[test]
fn a_deploy_that_cannot_begin_changes_nothing() -> Result<()> {
    let cases: [(&str, Obstacle); 4] = [
        ("could not pull", |vps| {
            vps.machine.fail_pull(&image(NEW))?;
            Ok(None)
        }),
        ("another release is in progress", |vps| {
            let lock = fs::File::create(vps.machine.project().join(".roll.lock"))?;
            lock.lock()?;
            Ok(Some(lock))
        }),
        ("PROXY is nginx in .env", |vps| {
            fs::write(vps.machine.project().join(".env"), "PROXY=nginx\n")?;
            Ok(None)
        }),
        // Its proxy does not start.
        ("the slots keep running", |vps| {
            vps.machine.fail_services()?;
            Ok(None)
        }),
    ];
    for (why, prevent) in cases {
        let vps = Vps::start()?;
        let compose = vps.machine.project().join("compose.yaml");
        fs::write(&compose, "services: {}\n")?;
        let _lock = prevent(&vps)?;

        let run = vps.deploy(&[], &[])?;

        run.assert_failed(&["nothing was changed", why]);
        assert!(!run.output.contains("oing back"), "{}", run.output);
        let calls = vps.machine.calls();
        assert!(
            !calls.iter().any(|call| call.contains(" web-")),
            "{calls:?}"
        );
        assert_both_run(&vps, &image(OLD))?;
        assert_eq!(fs::read_to_string(&compose)?, "services: {}\n");
    }
    Ok(())
}

#[test]
fn a_local_image_needs_no_registry() -> Result<()> {
    let vps = Vps::start()?;
    vps.deploy(&[], &[])?;
    vps.machine.fail_pull(&image(NEW))?;

    let run = vps.deploy(&[], &[])?;

    run.assert_succeeded(&[]);
    assert_both_run(&vps, &image(NEW))
}

#[test]
fn a_proxy_with_new_settings_is_not_restarted_but_reported() -> Result<()> {
    let vps = Vps::start()?;
    vps.machine.change_proxy()?;

    let run = vps.deploy(&[], &[])?;

    run.assert_succeeded(&["caddy still runs with its old image"]);
    let recreated = |call: &String| call.ends_with("caddy up --detach caddy");
    assert!(!vps.machine.calls().iter().any(recreated));
    Ok(())
}

#[test]
fn a_database_that_is_configured_later_is_started() -> Result<()> {
    let vps = Vps::start()?;
    let settings = "PROXY=none\nDRAIN=0\nCOMPOSE_PROFILES=postgres\n";
    fs::write(vps.machine.project().join(".env"), settings)?;

    let run = vps.deploy(&[], &[])?;

    run.assert_succeeded(&[]);
    let calls = vps.machine.calls();
    let place = |words: &str| calls.iter().position(|call| call.starts_with(words));
    assert!(place("up --detach --no-recreate --wait postgres") < place("stop web-a"));
    assert!(place("up --detach --no-recreate --wait postgres").is_some());
    Ok(())
}
