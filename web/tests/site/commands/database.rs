//! `migrate`, `check` and `demo`.

use crate::support::{assert_contains, assert_contains_all};
use anyhow::{Context, Result};
use diesel::RunQueryDsl;
use diesel::connection::SimpleConnection;
use lettings::Letting;
use oc_core::DatabaseUrl;
use oc_core::testing::TestDb;
use profiles::PublicProfile;

use super::program::{Program, setting};

#[test]
fn a_new_database_is_migrated_once() -> Result<()> {
    let program = Program::new()?;

    let first = program.run(&["migrate"])?;
    let second = program.run(&["migrate"])?;
    let after = program.run(&["migrate", "--check"])?;

    for (run, out) in [
        (first, "Ran "),
        (second, "The database was up to date.\n"),
        (after, "The database is up to date.\n"),
    ] {
        run.assert_succeeded();
        assert!(run.out.starts_with(out), "{}", run.out);
    }
    Ok(())
}

#[test]
fn check_creates_no_database() -> Result<()> {
    let program = Program::new()?;

    for arguments in [&["check"][..], &["migrate", "--check"]] {
        let run = program.run(arguments)?;

        assert_eq!(run.code, Some(1), "{arguments:?}: {}", run.errors);
        let error = "error: there is no database at sqlite://oc-lettings.sqlite3\n";
        assert!(run.errors.starts_with(error), "{}", run.errors);

        assert_contains(&run.errors, "hint: Create it with `oc-lettings migrate`");
        assert_eq!(std::fs::read_dir(program.folder())?.count(), 0);
    }
    Ok(())
}

#[test]
fn a_check_of_migrations_leaves_the_file_as_it_is() -> Result<()> {
    let program = Program::new()?;
    program.run(&["migrate"])?;
    let journal = "PRAGMA journal_mode = DELETE";
    program.database()?.batch_execute(journal)?;
    let file = program.folder().join("oc-lettings.sqlite3");
    let before = std::fs::read(&file)?;

    program.run(&["migrate", "--check"])?.assert_succeeded();

    assert!(std::fs::read(&file)? == before);
    Ok(())
}

#[test]
fn pending_migrations_are_listed() -> Result<()> {
    let program = Program::new()?;
    program.run(&["migrate"])?;
    diesel::sql_query(
        "DELETE FROM __diesel_schema_migrations WHERE version = \
         (SELECT max(version) FROM __diesel_schema_migrations)",
    )
    .execute(&mut program.database()?)?;

    for arguments in [&["check"][..], &["migrate", "--check"]] {
        let run = program.run(arguments)?;

        assert_eq!(run.code, Some(1), "{arguments:?}: {}", run.errors);
        let line = run.errors.lines().next().unwrap_or_default();
        assert_contains(line, "migrations are pending: 2026");
    }
    Ok(())
}

#[test]
fn check_prints_a_line_per_check() -> Result<()> {
    let program = Program::new()?;

    program.run(&["migrate"])?;
    let run = program.run(&["check"])?;

    run.assert_succeeded();
    assert_contains_all(
        &format!("\n{}", run.out),
        "\nprogram:  | \nsettings: ok | \nsentry: off | \ndatabase: ok (SQLite 3. | \nintegrity: ok | \
         \nmigrations: ok | \npages: ok (5 rendered) | \ntables: ok | \nwrite access: ok | \ndisk: ok (",
    );
    Ok(())
}

#[test]
fn check_succeeds_on_both_databases() -> Result<()> {
    for db in TestDb::each()? {
        let run = Program::with(&[("DATABASE_URL", &setting(&db))])?.run(&["check"])?;

        run.assert_succeeded();
        assert_contains(&run.out, "write access: ok");
    }
    Ok(())
}

#[test]
fn check_finds_a_damaged_file() -> Result<()> {
    let program = Program::new()?;
    program.run(&["demo", "--lettings", "500"])?;
    let file = program.folder().join("oc-lettings.sqlite3");
    let mut bytes = std::fs::read(&file)?;
    let middle = bytes.len() / 2;
    bytes[middle..middle + 8192].fill(0x5a);
    std::fs::write(&file, bytes)?;

    let run = program.run(&["check"])?;

    run.assert_failed("malformed | \nhint: ");
    Ok(())
}

#[test]
fn check_finds_missing_tables_and_columns() -> Result<()> {
    let no_column = "ALTER TABLE sessions DROP COLUMN browser";
    for (damage, reason) in [
        ("DROP TABLE login_failures", "the table login_failures is"),
        (no_column, "no column browser"),
        // open-ace/open-ace#1126.
        ("DROP TABLE search_queue", "the table search_queue is"),
        ("DELETE FROM content_version", "content_version is empty"),
        ("ALTER TABLE profiles RENAME TO gone", "the page /profiles/"),
        ("", "a trigger of the table lettings is missing"),
    ] {
        for db in TestDb::each()? {
            let damage = match db.url() {
                _ if !damage.is_empty() => damage,
                DatabaseUrl::Sqlite(_) => "DROP TRIGGER content_version_lettings_update",
                DatabaseUrl::Postgres(_) => {
                    "ALTER TABLE lettings DISABLE TRIGGER content_version_lettings"
                }
            };
            db.connect()?.batch_execute(damage)?;

            let run = Program::with(&[("DATABASE_URL", &setting(&db))])?.run(&["check"])?;

            run.assert_failed(reason);
        }
    }
    Ok(())
}

#[test]
fn check_finds_a_server_on_which_saves_fail() -> Result<()> {
    for (damage, reasons) in [
        // getsentry/self-hosted#867, nextcloud/tables#1029.
        (
            "INSERT INTO groups (id, name) VALUES (7, 'Editors')",
            "new rows of groups would get ids that exist | setval(",
        ),
        // windmill-labs/windmill#9722.
        (
            "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET default_transaction_read_only = on', \
             current_database()); END $$",
            "read-only transaction | \nhint: The server is a standby",
        ),
    ] {
        let Some(db) = TestDb::postgres()? else {
            return Ok(());
        };
        db.connect()?.batch_execute(damage)?;

        let run = Program::with(&[("DATABASE_URL", &setting(&db))])?.run(&["check"])?;

        run.assert_failed(reasons);
    }
    Ok(())
}

#[test]
fn check_finds_dangling_references() -> Result<()> {
    let db = TestDb::sqlite()?;
    db.connect()?.batch_execute(
        "PRAGMA foreign_keys = OFF; INSERT INTO user_groups (user_id, group_id) VALUES (7, 8)",
    )?;

    let run = Program::with(&[("DATABASE_URL", &setting(&db))])?.run(&["check"])?;

    run.assert_failed("refer to rows that don't exist, in the tables user_groups");
    Ok(())
}

#[test]
fn a_read_only_role_can_back_up_and_check_names_missing_privileges() -> Result<()> {
    let Some(db) = TestDb::postgres()? else {
        return Ok(());
    };
    let conn = &mut db.connect()?;
    accounts::testing::user(conn, "ada")?;
    let role = format!("reader_{}", std::process::id());
    conn.batch_execute(&format!(
        "CREATE ROLE {role} LOGIN PASSWORD 'reader'; GRANT SELECT ON ALL TABLES IN SCHEMA public TO {role}"
    ))?;
    let url = setting(&db);
    let (_, address) = url.split_once('@').context("the URL has a user")?;
    let url = format!("postgres://{role}:reader@{address}");
    let program = Program::with(&[("DATABASE_URL", &url)])?;

    let backup = program.run(&["backup", "a.backup"])?;
    let none = program.run(&["check"])?;
    conn.batch_execute(&format!(
        "GRANT INSERT, UPDATE, DELETE ON addresses, lettings TO {role}"
    ))?;
    let some = program.run(&["check"])?;
    conn.batch_execute(&format!("DROP OWNED BY {role}; DROP ROLE {role}"))?;

    backup.assert_succeeded();
    none.assert_failed("permission denied | \nhint: GRANT");
    some.assert_failed("permission denied | \nhint: GRANT | INSERT on sessions");
    Ok(())
}

#[test]
fn the_demo_is_deterministic() -> Result<()> {
    for (one, other) in TestDb::each()?.into_iter().zip(TestDb::each()?) {
        for db in [&one, &other] {
            let program = Program::with(&[("DATABASE_URL", &setting(db))])?;
            for _ in 0..2 {
                let run = program.run(&["demo", "--lettings", "500"])?;
                run.assert_succeeded();
                assert_contains(&run.out, "500 lettings, 8 profiles");
            }
        }

        let (one, other) = (&mut one.connect()?, &mut other.connect()?);
        assert_eq!(Letting::count(one)?, 500);
        assert_eq!(PublicProfile::count(one)?, 8);
        for id in [1, 28, 29, 500] {
            let letting = Letting::with_address(one, id)?;
            assert_eq!(letting, Letting::with_address(other, id)?);
        }
    }
    Ok(())
}

#[test]
fn the_demo_is_rejected_beside_other_lettings() -> Result<()> {
    let program = Program::new()?;
    program.run(&["migrate"])?;
    crate::support::letting(&mut program.database()?, "Lakeside flat")?;

    let run = program.run(&["demo"])?;

    run.assert_failed("holds other lettings");
    assert_eq!(Letting::count(&mut program.database()?)?, 1);
    Ok(())
}

#[test]
fn a_database_of_a_newer_program_stops_every_command() -> Result<()> {
    for db in TestDb::each()? {
        diesel::sql_query(
            "INSERT INTO __diesel_schema_migrations (version) VALUES ('99991231000000')",
        )
        .execute(&mut db.connect()?)?;
        let program = Program::with(&[("DATABASE_URL", &setting(&db)), ("PORT", "0")])?;

        for arguments in ["serve", "migrate", "migrate --check", "check", "demo"] {
            let arguments: Vec<&str> = arguments.split(' ').collect();
            let run = program.run(&arguments)?;

            assert_eq!(run.code, Some(1), "{arguments:?}");
            let mut lines = run.errors.lines();
            let line = lines.next().unwrap_or_default();
            assert_contains_all(line, "newer than this program | 99991231000000");
            assert!(lines.next().is_some_and(|line| line.starts_with("hint: ")));
        }
    }
    Ok(())
}
