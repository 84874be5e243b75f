//! Deploys to a VPS that fail before anything is changed.

use std::fs;

use anyhow::Result;

use crate::vps::{Vps, assert_both_run, image};
use crate::world::{NEW, OLD};
use crate::xtask::Run;

/// Settings of the slots from an earlier release.
const EARLIER: &str = "services: {}\n";

/// A machine with files of an earlier release.
fn with_earlier_files() -> Result<Vps> {
    let vps = Vps::start()?;
    fs::write(vps.machine.project().join("compose.yaml"), EARLIER)?;
    Ok(vps)
}

/// Asserts that the deploy failed for this reason and changed nothing.
fn assert_untouched(vps: &Vps, run: &Run, why: &str) -> Result<()> {
    assert!(!run.ok, "{}", run.output);
    run.assert_printed(&["nothing was changed", why]);
    assert!(!run.output.contains("oing back"), "{}", run.output);
    let about_slots = |call: &String| call.contains(" web-");
    let calls: Vec<String> = vps.machine.calls();
    assert!(!calls.iter().any(about_slots), "{calls:?}");
    assert_both_run(vps, &image(OLD))?;
    let compose = fs::read_to_string(vps.machine.project().join("compose.yaml"))?;
    assert_eq!(compose, EARLIER);
    Ok(())
}

#[test]
fn an_image_that_cannot_be_pulled_changes_nothing() -> Result<()> {
    let vps = with_earlier_files()?;
    vps.machine.fail_pull(&image(NEW))?;

    let run = vps.deploy(&[], &[])?;

    assert_untouched(&vps, &run, "could not pull")
}

#[test]
fn a_running_release_is_not_disturbed() -> Result<()> {
    let vps = with_earlier_files()?;
    let lock = fs::File::create(vps.machine.project().join(".roll.lock"))?;
    lock.lock()?;

    let run = vps.deploy(&[], &[])?;

    assert_untouched(&vps, &run, "another release is in progress")
}

#[test]
fn an_unknown_proxy_changes_nothing() -> Result<()> {
    let vps = with_earlier_files()?;
    fs::write(vps.machine.project().join(".env"), "PROXY=nginx\n")?;

    let run = vps.deploy(&[], &[])?;

    assert_untouched(&vps, &run, "PROXY is nginx in .env")
}

#[test]
fn a_proxy_that_does_not_start_leaves_slots_and_files_unchanged() -> Result<()> {
    let vps = with_earlier_files()?;
    vps.machine.fail_services()?;

    let run = vps.deploy(&[], &[])?;

    assert_untouched(&vps, &run, "the slots keep running")
}

#[test]
fn a_local_image_needs_no_registry() -> Result<()> {
    let vps = Vps::start()?;
    vps.deploy(&[], &[])?;
    vps.machine.fail_pull(&image(NEW))?;

    let run = vps.deploy(&[], &[])?;

    assert!(run.ok, "{}", run.output);
    assert_both_run(&vps, &image(NEW))
}

#[test]
fn a_proxy_with_new_settings_is_not_restarted_but_reported() -> Result<()> {
    let vps = Vps::start()?;
    vps.machine.change_proxy()?;

    let run = vps.deploy(&[], &[])?;

    assert!(run.ok, "{}", run.output);
    run.assert_printed(&["caddy still runs with its old image"]);
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

    assert!(run.ok, "{}", run.output);
    let calls = vps.machine.calls();
    let place = |words: &str| calls.iter().position(|call| call.starts_with(words));
    assert!(place("up --detach --no-recreate --wait postgres") < place("stop web-a"));
    assert!(place("up --detach --no-recreate --wait postgres").is_some());
    Ok(())
}
