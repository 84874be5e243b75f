//! Machines of our own that something bad has happened to before.

use std::fs;

use anyhow::Result;

use crate::vps::{Vps, assert_both_run, image, looked_at, replaced};
use crate::world::{NEW, OLD};

/// What `docker` was told about slots.
fn rolls(vps: &Vps) -> Vec<String> {
    let about_slots = |call: &String| call.contains(" web-") || call.starts_with("stop ");
    vps.machine
        .calls()
        .into_iter()
        .filter(about_slots)
        .collect()
}

#[test]
fn a_first_release_that_failed_is_the_first_again() -> Result<()> {
    let vps = Vps::prepared()?;
    vps.machine.spoil(&image(NEW))?;

    let failed = vps.deploy(&[], &[])?;

    assert!(!failed.ok);
    failed.assert_said(&["There is nothing to go back to"]);
    assert!(!vps.machine.project().join("slots.env").exists());

    vps.machine.mend()?;
    let before = rolls(&vps).len();
    let release = vps.deploy(&[], &[])?;

    assert!(release.ok, "{}", release.said);
    let up = "up --detach --no-deps --wait --wait-timeout 120";
    assert_eq!(
        rolls(&vps)[before..],
        [format!("{up} web-a"), format!("{up} web-b")]
    );
    assert_both_run(&vps, &image(NEW))
}

#[test]
fn a_roll_that_was_cut_off_is_done_anew() -> Result<()> {
    let both = [replaced("web-a", "web-b"), replaced("web-b", "web-a")].concat();
    let both = [vec![looked_at()], both].concat();
    for (slot, in_b) in [("web-a", OLD), ("web-b", NEW)] {
        let vps = Vps::start()?;
        let new = image(NEW);
        vps.remember(&new, &image(in_b))?;
        let out = vps.machine.project().join("caddy/out");
        fs::create_dir_all(&out)?;
        fs::write(out.join(slot), "")?;

        let run = vps.deploy(&[], &[])?;

        assert!(run.ok, "{}", run.said);
        assert_eq!(rolls(&vps), both, "{slot} was out");
        assert_both_run(&vps, &new)?;
    }
    Ok(())
}

#[test]
fn a_roll_whose_connection_breaks_goes_to_its_end() -> Result<()> {
    let vps = Vps::start()?;
    vps.machine.cut_at("stop web-a")?;

    let run = vps.deploy(&[], &[])?;

    assert!(run.ok, "{}", run.said);
    run.assert_said(&["roll.sh goes on there", "10 times in a row"]);
    vps.machine.settle()?;
    assert_both_run(&vps, &image(NEW))
}

#[test]
fn slots_that_are_both_sick_get_their_cure() -> Result<()> {
    let vps = Vps::start()?;
    vps.machine.spoil(&image(OLD))?;

    let run = vps.deploy(&[], &[])?;

    assert!(run.ok, "{}", run.said);
    run.assert_said(&["web-a is not healthy either"]);
    assert_both_run(&vps, &image(NEW))
}

#[test]
fn a_slot_that_is_sick_goes_first_and_the_other_keeps_the_visitors() -> Result<()> {
    let vps = Vps::start()?;
    vps.machine.spoil_in("web-b", &image(OLD))?;

    let run = vps.deploy(&[], &[])?;

    assert!(run.ok, "{}", run.said);
    let stops: Vec<String> = rolls(&vps);
    let stops: Vec<&String> = stops
        .iter()
        .filter(|call| call.starts_with("stop "))
        .collect();
    assert_eq!(stops, ["stop web-b", "stop web-a"]);
    assert_eq!(vps.machine.cut_off(), "");
    assert_both_run(&vps, &image(NEW))
}
