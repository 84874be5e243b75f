//! Invalid settings stop every command before it does anything.

use crate::support::{assert_contains, assert_contains_all};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

use anyhow::Result;

use super::program::{Program, Run};

fn first_line(run: &Run) -> &str {
    run.errors.lines().next().unwrap_or_default()
}

#[test]
fn a_setting_that_is_not_utf8_is_named() -> Result<()> {
    let program = Program::new()?;
    // A path as a Latin-1 shell would set it.
    let value = OsStr::from_bytes(b"sqlite://\xe9.sqlite3");

    for command in ["serve", "check", "migrate"] {
        let run = program.run_with(&[("DATABASE_URL", value)], &[command])?;

        assert_eq!(run.code, Some(1), "{run:?}");
        let line = first_line(&run);
        assert_contains(line, "DATABASE_URL is not valid UTF-8");
    }
    assert_eq!(std::fs::read_dir(program.folder())?.count(), 0);
    Ok(())
}

#[test]
fn dot_env_is_read_in_development() -> Result<()> {
    let program = Program::with(&[("LOG_FORMAT", "text")])?;
    let file = program.folder().join(".env");

    std::fs::write(
        &file,
        "LOG_FORMAT=xml\nDATABASE_URL=sqlite://named.sqlite3\n",
    )?;
    let run = program.run(&["migrate"])?;

    // The environment takes precedence over the file.
    run.assert_succeeded();
    assert!(program.folder().join("named.sqlite3").exists());
    let text = "\u{feff}PORT=80\r\nSECRET_KEY hunter2\r\n";
    // subosito/gotenv#25, motdotla/dotenv#445, vlucas/phpdotenv#282: PowerShell writes UTF-16.
    let utf16 = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    for bytes in [text.into(), utf16] {
        std::fs::write::<_, Vec<u8>>(&file, bytes)?;
        let run = program.run(&["migrate"])?;
        assert_eq!(run.code, Some(1));
        let line = first_line(&run);
        assert_contains(line, "line 2 of the file .env");
        assert!(!run.errors.contains("hunter2"), "{}", run.errors);
    }
    Ok(())
}

#[test]
fn dot_env_is_ignored_in_production() -> Result<()> {
    let program = Program::with(&[("APP_ENV", "production")])?;
    let settings = "ALLOWED_HOSTS=www.example.org\nSECRET_KEY=0123456789abcdef0123456789abcdef\n";
    std::fs::write(program.folder().join(".env"), settings)?;

    let run = program.run(&["check"])?;

    assert_eq!(run.code, Some(1));
    assert!(first_line(&run).starts_with("error: ALLOWED_HOSTS is not set"));
    Ok(())
}

#[test]
fn dot_env_with_production_stops_the_start() -> Result<()> {
    let settings = "APP_ENV=production\nALLOWED_HOSTS=www.example.org\n\
                    SECRET_KEY=0123456789abcdef0123456789abcdef\n";
    let unset = Program::new()?;
    std::fs::write(unset.folder().join(".env"), settings)?;
    let empty = Program::with(&[("APP_ENV", " ")])?;
    std::fs::write(empty.folder().join(".env"), settings)?;
    let set = Program::with(&[("APP_ENV", "development")])?;
    std::fs::write(set.folder().join(".env"), settings)?;

    for program in [unset, empty] {
        let run = program.run(&["migrate"])?;

        assert_eq!(run.code, Some(1));
        let line = first_line(&run);
        assert_contains_all(line, "APP_ENV | file .env | in the environment instead");
    }
    // The environment takes precedence over the file.
    assert_eq!(set.run(&["migrate"])?.code, Some(0));
    Ok(())
}
