//! Releases to a machine of our own that end before anything that runs was touched.

use std::fs;

use anyhow::Result;

use crate::vps::{Vps, assert_both_run, image};
use crate::world::{NEW, OLD};
use crate::xtask::Run;

/// The settings of the slots that an earlier release brought.
const EARLIER: &str = "services: {}\n";

/// With files of an earlier release in place.
fn with_earlier_files() -> Result<Vps> {
    let vps = Vps::start()?;
    fs::write(vps.machine.project().join("compose.yaml"), EARLIER)?;
    Ok(vps)
}

/// Asserts that the deploy failed for that reason, and that all is as it was.
fn assert_untouched(vps: &Vps, run: &Run, why: &str) -> Result<()> {
    assert!(!run.ok, "{}", run.said);
    run.assert_said(&["nothing was changed", why]);
    assert!(!run.said.contains("oing back"), "{}", run.said);
    let about_slots = |call: &String| call.contains(" web-");
    let calls: Vec<String> = vps.machine.calls();
    assert!(!calls.iter().any(about_slots), "{calls:?}");
    assert_both_run(vps, &image(OLD))?;
    let compose = fs::read_to_string(vps.machine.project().join("compose.yaml"))?;
    assert_eq!(compose, EARLIER);
    Ok(())
}

#[test]
fn an_image_that_cannot_be_fetched_changes_nothing() -> Result<()> {
    let vps = with_earlier_files()?;
    vps.machine.withhold(&image(NEW))?;

    let run = vps.deploy(&[], &[])?;

    assert_untouched(&vps, &run, "could not pull")
}

#[test]
fn a_release_that_is_under_way_is_not_disturbed() -> Result<()> {
    let vps = with_earlier_files()?;
    let lock = fs::File::create(vps.machine.project().join(".roll.lock"))?;
    lock.lock()?;

    let run = vps.deploy(&[], &[])?;

    assert_untouched(&vps, &run, "another release is in progress")
}

#[test]
fn a_proxy_of_no_known_name_changes_nothing() -> Result<()> {
    let vps = with_earlier_files()?;
    fs::write(vps.machine.project().join(".env"), "PROXY=nginx\n")?;

    let run = vps.deploy(&[], &[])?;

    assert_untouched(&vps, &run, "PROXY is nginx in .env")
}

#[test]
fn a_proxy_that_does_not_start_leaves_the_slots_and_gives_the_files_back() -> Result<()> {
    let vps = with_earlier_files()?;
    vps.machine.jam()?;

    let run = vps.deploy(&[], &[])?;

    assert_untouched(&vps, &run, "the slots keep running")
}

#[test]
fn an_image_that_is_there_needs_no_registry() -> Result<()> {
    let vps = Vps::start()?;
    vps.deploy(&[], &[])?;
    vps.machine.withhold(&image(NEW))?;

    let run = vps.deploy(&[], &[])?;

    assert!(run.ok, "{}", run.said);
    assert_both_run(&vps, &image(NEW))
}

#[test]
fn a_proxy_with_new_settings_is_not_cut_off_but_told_of() -> Result<()> {
    let vps = Vps::start()?;
    vps.machine.change_proxy()?;

    let run = vps.deploy(&[], &[])?;

    assert!(run.ok, "{}", run.said);
    run.assert_said(&["caddy still runs with its old image"]);
    let recreated = |call: &String| call.ends_with("caddy up --detach caddy");
    assert!(!vps.machine.calls().iter().any(recreated));
    Ok(())
}

#[test]
fn a_database_that_was_chosen_later_is_started() -> Result<()> {
    let vps = Vps::start()?;
    let settings = "PROXY=none\nDRAIN=0\nCOMPOSE_PROFILES=postgres\n";
    fs::write(vps.machine.project().join(".env"), settings)?;

    let run = vps.deploy(&[], &[])?;

    assert!(run.ok, "{}", run.said);
    let calls = vps.machine.calls();
    let place = |words: &str| calls.iter().position(|call| call.starts_with(words));
    assert!(place("up --detach --no-recreate --wait postgres") < place("stop web-a"));
    assert!(place("up --detach --no-recreate --wait postgres").is_some());
    Ok(())
}
