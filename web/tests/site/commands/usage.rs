//! Help, version and usage errors.

use crate::support::{assert_contains_all, assert_contains_none};
use anyhow::Result;

use super::program::Program;

const SETTINGS: &str =
    "APP_ENV DATABASE_URL DATABASE_POOL_SIZE READ_ONLY HOST PORT WORKERS MAX_CONNECTIONS
    MAX_REQUESTS DATABASE_QUEUE MAX_BODY_SIZE CLIENT_TIMEOUT IDLE_TIMEOUT SHUTDOWN_DELAY SHUTDOWN_TIMEOUT
    PUBLIC_URL ALLOWED_HOSTS TRUSTED_PROXIES SECRET_KEY TIME_ZONE REQUIRE_TOTP RUST_LOG LOG_FORMAT
    SENTRY_DSN SENTRY_ENVIRONMENT SENTRY_RELEASE SENTRY_TRACES_SAMPLE_RATE
    SENTRY_SEND_DEFAULT_PII";

#[test]
fn every_help_lists_all_settings() -> Result<()> {
    let program = Program::new()?;

    let commands = "serve migrate check demo createsuperuser changepassword resetfactor backup restore verify \
                    copy import-django";
    let commands = commands.split(' ').map(|command| vec![command, "--help"]);

    for arguments in [vec!["--help"], vec!["-h"], vec!["demo", "-h"]]
        .into_iter()
        .chain(commands)
    {
        let run = program.run(&arguments)?;

        assert_eq!(run.code, Some(0), "{arguments:?}");
        for name in SETTINGS.split_whitespace() {
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
fn help_needs_no_settings_and_creates_nothing() -> Result<()> {
    let program = Program::with(&[("APP_ENV", "nonsense"), ("DATABASE_URL", "nonsense")])?;

    let help = program.run(&["--help"])?;
    let version = program.run(&["--version"])?;

    assert_eq!((help.code, version.code), (Some(0), Some(0)));
    assert!(version.out.contains(env!("CARGO_PKG_VERSION")));
    assert_eq!(std::fs::read_dir(program.folder())?.count(), 0);
    Ok(())
}

#[test]
fn a_read_only_site_rejects_commands_that_write() -> Result<()> {
    let program = Program::with(&[("READ_ONLY", "true")])?;

    let lines = "migrate|demo|createsuperuser --no-input|changepassword ada --no-input|resetfactor ada|\
        import-django a.json|restore a.backup";
    for line in lines.split('|') {
        let run = program.run(&line.split(' ').collect::<Vec<_>>())?;
        run.assert_failed("error: READ_ONLY is true, and this command writes to the database");
    }
    Ok(())
}

#[test]
fn usage_errors_exit_with_2() -> Result<()> {
    let program = Program::new()?;

    let lines = "launch|serve --DATABASE_URL=sqlite://a|serve now|serve --port=80|migrate --chek|\
        demo --lettings|import-django|import-django a b|import-django a --format xml|\
        demo --lettings -1|demo --lettings many|demo --lettings 100000001|copy --from a --to sqlite://b";
    for line in lines.split('|') {
        let run = program.run(&line.split(' ').collect::<Vec<_>>())?;

        assert_eq!(run.code, Some(2), "{line}");
        assert!(run.errors.starts_with("error: "), "{}", run.errors);
    }
    assert_eq!(std::fs::read_dir(program.folder())?.count(), 0);
    Ok(())
}

#[test]
fn a_closed_stdout_fails_only_commands_that_need_it() -> Result<()> {
    let program = Program::new()?;
    program.run(&["demo"])?;
    program.run(&["backup", "good.oc"])?;

    for (script, code, reason) in [
        ("check", 0, ""),
        ("verify good.oc", 0, ""),
        ("migrate", 0, ""),
        ("verify no.oc", 1, "error: could not read no.oc"),
        ("backup -", 1, "error: could not write -: Broken pipe"),
    ] {
        let script = format!("(sleep 0.1; \"$0\" {script}; echo \"exit $?\" >&2) | :");
        let run = program.shell(&script)?;

        assert_contains_all(&run.errors, &format!("exit {code}\n | {reason}"));
        assert_contains_none(&run.errors, "panicked");
    }
    let full = program.shell("exec \"$0\" check >/dev/full")?;
    full.assert_failed("error: could not write to standard output: ");

    Ok(())
}

#[test]
fn a_database_is_a_private_file() -> Result<()> {
    for (prepare, code, reason) in [
        ("ln -s elsewhere.sqlite3 oc-lettings.sqlite3", 0, ""),
        ("mkdir oc-lettings.sqlite3", 1, "file is not a database"),
        ("mkfifo oc-lettings.sqlite3", 1, "file is not a database"),
        (
            "ln -s /dev/null oc-lettings.sqlite3",
            1,
            "is not a database",
        ),
    ] {
        let program = Program::new()?;
        let run = program.shell(&format!("{prepare}; exec \"$0\" migrate"))?;

        assert_eq!(run.code, Some(code), "{prepare}: {run:?}");
        assert!(run.errors.contains(reason), "{prepare}: {run:?}");
        if code == 0 {
            let mode = program.shell("stat -L -c %a oc-lettings.sqlite3")?;
            assert_eq!(mode.out, "600\n", "{prepare}");
        }
    }
    Ok(())
}
