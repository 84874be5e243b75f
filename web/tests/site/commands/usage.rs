//! Help, versions and wrong usage.

use anyhow::Result;

use super::program::Program;

const SETTINGS: [&str; 13] = [
    "APP_ENV",
    "DATABASE_URL",
    "DATABASE_POOL_SIZE",
    "HOST",
    "PORT",
    "WORKERS",
    "PUBLIC_URL",
    "ALLOWED_HOSTS",
    "TRUSTED_PROXIES",
    "SECRET_KEY",
    "REQUIRE_TOTP",
    "RUST_LOG",
    "LOG_FORMAT",
];

#[test]
fn help_lists_every_setting_everywhere() -> Result<()> {
    let program = Program::new()?;

    for arguments in [
        &["--help"][..],
        &["-h"],
        &["serve", "--help"],
        &["migrate", "--help"],
        &["check", "--help"],
        &["demo", "-h"],
        &["createsuperuser", "--help"],
        &["changepassword", "--help"],
        &["resetfactor", "--help"],
        &["backup", "--help"],
        &["restore", "--help"],
        &["verify", "--help"],
        &["copy", "--help"],
        &["import-django", "--help"],
        &["openapi", "--help"],
    ] {
        let run = program.run(arguments)?;

        assert_eq!(run.code, Some(0), "{arguments:?}");
        for name in SETTINGS {
            let listed = run
                .out
                .lines()
                .any(|line| line.trim_start().starts_with(name));
            assert!(listed, "{name} for {arguments:?}: {}", run.out);
        }
        assert_eq!(run.errors, "");
    }
    Ok(())
}

#[test]
fn help_needs_no_setting_and_leaves_nothing_behind() -> Result<()> {
    let program = Program::with(&[("APP_ENV", "nonsense"), ("DATABASE_URL", "nonsense")])?;

    let help = program.run(&["--help"])?;
    let version = program.run(&["--version"])?;

    assert_eq!((help.code, version.code), (Some(0), Some(0)));
    assert!(version.out.contains(env!("CARGO_PKG_VERSION")));
    assert_eq!(std::fs::read_dir(program.folder())?.count(), 0);
    Ok(())
}

#[test]
fn wrong_usage_is_told_by_its_own_exit_code() -> Result<()> {
    let program = Program::new()?;

    for arguments in [
        &["launch"][..],
        &["serve", "now"],
        &["serve", "--port=80"],
        &["migrate", "--chek"],
        &["demo", "--lettings"],
        &["import-django"],
        &["import-django", "a", "b"],
        &["import-django", "a", "--format", "xml"],
        &["demo", "--lettings", "-1"],
        &["demo", "--lettings", "many"],
        &["demo", "--lettings", "100000001"],
    ] {
        let run = program.run(arguments)?;

        assert_eq!(run.code, Some(2), "{arguments:?}");
        assert!(run.errors.starts_with("error: "), "{}", run.errors);
    }
    assert_eq!(std::fs::read_dir(program.folder())?.count(), 0);
    Ok(())
}

#[test]
fn the_description_for_machines_is_json() -> Result<()> {
    let run = Program::new()?.run(&["openapi"])?;

    let description: serde_json::Value = serde_json::from_str(&run.out)?;
    assert_eq!(
        (run.code, description["openapi"].as_str()),
        (Some(0), Some("3.1.0"))
    );
    assert!(description["paths"]["/readyz"]["get"]["responses"]["503"].is_object());
    Ok(())
}
