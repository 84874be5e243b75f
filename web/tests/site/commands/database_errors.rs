//! Unusable databases: every command prints the error in one line, and a hint.

use crate::support::{assert_contains, assert_contains_all};
use anyhow::Result;
use diesel::RunQueryDsl;
use diesel::connection::SimpleConnection;
use oc_core::testing::TestDb;

use super::program::{Program, Run, setting};

/// Asserts that a run failed with these words in its error, and a hint.
fn assert_explained(run: &Run, words: &str) {
    assert_eq!(run.code, Some(1), "{}{}", run.out, run.errors);
    let is_log = |line: &&str| !line.starts_with("error: ");
    let mut lines = run.errors.lines().skip_while(is_log);
    let reason = lines.next().unwrap_or_default();
    assert_contains_all(reason, words);
    let hint = lines.next().unwrap_or_default();
    assert!(hint.starts_with("hint: "), "{}", run.errors);
}

#[test]
fn a_file_that_is_not_a_database_is_explained() -> Result<()> {
    for (path, trouble) in [
        ("folder", "file is not a database"),
        ("notes.txt", "file is not a database"),
        ("short.txt", "file is not a database"),
        ("no/such/folder.sqlite3", "nable to open"),
    ] {
        let url = format!("sqlite://{path}");
        let program = Program::with(&[("DATABASE_URL", &url), ("PORT", "0")])?;
        let folder = program.folder();
        std::fs::create_dir(folder.join("folder"))?;
        std::fs::write(
            folder.join("notes.txt"),
            "this is no database; ".repeat(100),
        )?;
        std::fs::write(folder.join("short.txt"), "notes")?;

        for arguments in [&[][..], &["migrate"], &["check"]] {
            let run = program.run(arguments)?;

            assert_explained(&run, &format!("cannot  | {path} | {trouble}"));
        }
    }
    Ok(())
}

#[test]
fn an_unavailable_server_is_explained() -> Result<()> {
    let url = "postgres://oc@%2Fno%2Fsuch%2Fsocket/oc";
    let program = Program::with(&[("DATABASE_URL", url), ("PORT", "0")])?;

    for arguments in [&[][..], &["migrate"], &["check"], &["demo"]] {
        let run = program.run(arguments)?;

        assert_explained(&run, "cannot open the database postgres://oc@");
        assert_contains(&run.errors, "Is the server running");
    }
    Ok(())
}

#[test]
fn a_read_only_database_is_explained() -> Result<()> {
    let db = TestDb::sqlite()?;
    diesel::sql_query("PRAGMA journal_mode = DELETE").execute(&mut db.connect()?)?;
    // Permissions don't stop root from writing; this does.
    let url = format!(
        "{}?mode=ro",
        setting(&db).replacen("sqlite://", "sqlite://file:", 1)
    );
    let program = Program::with(&[("DATABASE_URL", &url), ("PORT", "0")])?;

    let run = program.run(&["check"])?;

    assert_explained(&run, "readonly database");
    Ok(())
}

#[test]
fn a_locked_database_is_explained() -> Result<()> {
    let db = TestDb::sqlite()?;
    let holder = &mut db.connect()?;
    holder.batch_execute("BEGIN IMMEDIATE")?;
    let program = Program::with(&[("DATABASE_URL", &setting(&db)), ("PORT", "0")])?;

    let run = program.run(&["check"])?;

    assert_explained(&run, "cannot write to the database | database is locked");
    Ok(())
}

#[test]
fn a_full_disk_is_explained() -> Result<()> {
    let program = Program::with(&[("PORT", "0")])?;

    for arguments in ["", "migrate"] {
        let run = program.run_on_full_disk(20, arguments)?;

        assert_explained(&run, "disk I/O error");
    }
    Ok(())
}

#[test]
fn a_disk_that_fills_up_loses_nothing() -> Result<()> {
    let program = Program::new()?;
    let first = program.run(&["demo", "--lettings", "100"])?;
    first.assert_succeeded();

    let run = program.run_on_full_disk(300, "demo --lettings 20000")?;

    assert_explained(&run, "cannot add the demo data");
    let after = program.run(&["demo", "--lettings", "100"])?;
    after.assert_succeeded();
    Ok(())
}
