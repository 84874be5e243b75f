//! Preparing a bare machine for deploys.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use anyhow::Result;

use crate::vps::Vps;

#[test]
fn a_machine_without_settings_gets_a_hint() -> Result<()> {
    let vps = Vps::bare()?;

    let run = vps.deploy(&[], &[])?;

    run.assert_failed(&["nothing was changed", "--bootstrap"]);
    Ok(())
}

#[test]
fn a_bare_machine_is_prepared_and_deployed_to() -> Result<()> {
    let vps = Vps::bare()?;

    let first = vps.deploy(&["--bootstrap"], &[])?;
    let env = vps.machine.project().join(".env");
    let settings = fs::read_to_string(&env)?;
    let second = vps.deploy(&["--bootstrap"], &[])?;
    let release = vps.deploy(&[], &[])?;

    assert!(first.ok && second.ok, "{}{}", first.output, second.output);
    let secret = settings
        .lines()
        .find_map(|line| line.strip_prefix("SECRET_KEY="));
    assert_eq!(secret.map(str::len), Some(64));
    first.assert_hides(&[secret.unwrap_or_default()]);
    assert_eq!(fs::read_to_string(&env)?, settings);
    assert_eq!(mode(&env)?, 0o600);
    release.assert_succeeded(&["the first release on this machine"]);
    Ok(())
}

#[test]
fn a_folder_that_needs_sudo_is_created_first() -> Result<()> {
    let vps = Vps::bare()?;
    vps.machine.close()?;

    let run = vps.deploy(&["--bootstrap"], &[])?;

    run.assert_succeeded(&[]);
    for file in [".env", "compose.yaml", "roll.sh", "caddy/Caddyfile"] {
        assert!(vps.machine.project().join(file).is_file(), "{file}");
    }
    Ok(())
}

#[test]
fn a_user_without_sudo_gets_a_hint() -> Result<()> {
    let vps = Vps::bare()?;
    vps.machine.require_sudo_password()?;

    let run = vps.deploy(&["--bootstrap"], &[])?;

    run.assert_failed(&["sudo without a password", "could not prepare"]);
    assert!(!vps.machine.project().exists());
    Ok(())
}

fn mode(path: &Path) -> Result<u32> {
    Ok(fs::metadata(path)?.permissions().mode() & 0o777)
}
