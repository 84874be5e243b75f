//! Deploys to a VPS after an earlier deploy or the machine failed.

use std::fs;

use anyhow::Result;

use crate::vps::{Vps, assert_both_run, image, initial_check, replaced};
use crate::world::{NEW, OLD};

/// Calls of `docker` that concern slots.
fn rolls(vps: &Vps) -> Vec<String> {
    let about_slots = |call: &String| call.contains(" web-") || call.starts_with("stop ");
    vps.machine
        .calls()
        .into_iter()
        .filter(about_slots)
        .collect()
}

#[test]
fn a_first_release_can_be_repeated_after_a_failure() -> Result<()> {
    let vps = Vps::prepared()?;
    vps.machine.make_unhealthy(&image(NEW))?;

    let failed = vps.deploy(&[], &[])?;

    failed.assert_failed(&["There is nothing to go back to"]);
    assert!(!vps.machine.project().join("slots.env").exists());

    vps.machine.make_healthy()?;
    let before = rolls(&vps).len();
    let release = vps.deploy(&[], &[])?;

    release.assert_succeeded(&[]);
    let up = "up --detach --no-deps --wait --wait-timeout 120";
    assert_eq!(
        rolls(&vps)[before..],
        [format!("{up} web-a"), format!("{up} web-b")]
    );
    assert_both_run(&vps, &image(NEW))
}

#[test]
fn an_interrupted_release_is_repeated() -> Result<()> {
    let both = [replaced("web-a", "web-b"), replaced("web-b", "web-a")].concat();
    let both = [vec![initial_check()], both].concat();
    for (slot, in_b) in [("web-a", OLD), ("web-b", NEW)] {
        let vps = Vps::start()?;
        let new = image(NEW);
        vps.remember(&new, &image(in_b))?;
        let out = vps.machine.project().join("caddy/out");
        fs::create_dir_all(&out)?;
        fs::write(out.join(slot), "")?;

        let run = vps.deploy(&[], &[])?;

        run.assert_succeeded(&[]);
        assert_eq!(rolls(&vps), both, "{slot} was out");
        assert_both_run(&vps, &new)?;
    }
    Ok(())
}

#[test]
fn a_release_continues_when_the_connection_breaks() -> Result<()> {
    let vps = Vps::start()?;
    vps.machine.cut_at("stop web-a")?;

    let run = vps.deploy(&[], &[])?;

    run.assert_succeeded(&["roll.sh goes on there", "10 times in a row"]);
    vps.machine.wait_until_idle()?;
    assert_both_run(&vps, &image(NEW))
}

#[test]
fn two_unhealthy_slots_are_replaced() -> Result<()> {
    let vps = Vps::start()?;
    vps.machine.make_unhealthy(&image(OLD))?;

    let run = vps.deploy(&[], &[])?;

    run.assert_succeeded(&["web-a is not healthy either"]);
    assert_both_run(&vps, &image(NEW))
}

#[test]
fn an_unhealthy_slot_is_replaced_first() -> Result<()> {
    let vps = Vps::start()?;
    vps.machine.make_unhealthy_in("web-b", &image(OLD))?;

    let run = vps.deploy(&[], &[])?;

    run.assert_succeeded(&[]);
    let stops: Vec<String> = rolls(&vps);
    let stops: Vec<&String> = stops
        .iter()
        .filter(|call| call.starts_with("stop "))
        .collect();
    assert_eq!(stops, ["stop web-b", "stop web-a"]);
    assert_eq!(vps.machine.stopped_with_visitors(), "");
    assert_both_run(&vps, &image(NEW))
}
