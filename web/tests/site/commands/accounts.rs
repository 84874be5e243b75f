//! `createsuperuser` and `changepassword`.

use crate::support::assert_contains;
use accounts::password::{Verdict, verify};
use accounts::{SecondFactor, User};
use anyhow::Result;
use audit::AuditEntry;
use chrono::DateTime;

use super::program::Program;

const GIVEN: [(&str, &str); 3] = [
    ("SUPERUSER_USERNAME", "ada"),
    ("SUPERUSER_EMAIL", "ada@example.org"),
    ("SUPERUSER_PASSWORD", "Sea breeze 42"),
];

#[test]
fn a_superuser_is_created_from_the_environment_once() -> Result<()> {
    let program = Program::with(&GIVEN)?;

    let created = program.run(&["createsuperuser", "--no-input"])?;
    let again = program.run(&["createsuperuser", "--no-input"])?;

    created.assert_succeeded();
    assert_eq!(created.out, "Superuser ada was created.\n");

    again.assert_failed("error: SUPERUSER_USERNAME: That username is already taken.");
    let user = User::find_by_username(&mut program.database()?, "ada")?;
    assert!(user.is_superuser && user.is_staff && user.is_active);
    assert_eq!(verify("Sea breeze 42", &user.password), Verdict::Right);
    let record = AuditEntry::for_object(&mut program.database()?, "auth.user", user.id)?;
    let [line] = &record[..] else {
        panic!("one line, not {record:?}");
    };
    assert_eq!(
        (line.action.as_str(), line.user_id, line.username.as_str()),
        ("added", None, "")
    );
    assert!(line.after.contains("ada@example.org") && !line.after.contains("argon2"));
    Ok(())
}

#[test]
fn trailing_newline_of_superuser_password_is_ignored() -> Result<()> {
    let password = ("SUPERUSER_PASSWORD", "Sea breeze 42\r\n");
    let program = Program::with(&[GIVEN[0], GIVEN[1], password])?;

    program.run(&["createsuperuser", "--no-input"])?;

    let user = User::find_by_username(&mut program.database()?, "ada")?;
    assert_eq!(verify("Sea breeze 42", &user.password), Verdict::Right);
    Ok(())
}

#[test]
fn every_invalid_variable_is_named() -> Result<()> {
    let nothing = Program::new()?.run(&["createsuperuser", "--no-input"])?;
    let weak = [GIVEN[0], GIVEN[1], ("SUPERUSER_PASSWORD", "1234")];
    let weak = Program::with(&weak)?.run(&["createsuperuser", "--no-input"])?;
    let without_input = Program::new()?.run(&["createsuperuser"])?;

    nothing.assert_failed(
        "error: SUPERUSER_USERNAME: Username is required.\n | \
         error: SUPERUSER_PASSWORD: Password is required.\n",
    );

    let short = "error: SUPERUSER_PASSWORD: Password is too short: use at least 8 characters.\n";
    weak.assert_failed(short);
    without_input.assert_failed("no answer");
    Ok(())
}

#[test]
fn changepassword_prompts_for_the_password() -> Result<()> {
    let program = Program::with(&GIVEN)?;
    program.run(&["createsuperuser", "--no-input"])?;

    let differ = program.run_with_input("changepassword ada", "New wave 77\nNew wave 78\n")?;
    let changed = program.run_with_input("changepassword", "ada\nNew wave 77\nNew wave 77\n")?;
    let unknown = program.run(&["changepassword", "bob", "--no-input"])?;

    differ.assert_failed("The passwords don't match.");
    changed.assert_succeeded();
    assert_contains(&changed.out, "The password of ada was changed.\n");

    unknown.assert_failed("there is no account with the username \"bob\"");

    let user = User::find_by_username(&mut program.database()?, "ada")?;
    assert_eq!(verify("New wave 77", &user.password), Verdict::Right);
    let record = AuditEntry::for_object(&mut program.database()?, "auth.user", user.id)?;
    let actions = record.iter().map(|line| line.action.as_str());
    assert_eq!(actions.collect::<Vec<_>>(), ["added", "password"]);
    Ok(())
}

#[test]
fn resetfactor_turns_off_two_factor() -> Result<()> {
    let program = Program::with(&GIVEN)?;
    program.run(&["createsuperuser", "--no-input"])?;
    let conn = &mut program.database()?;
    let id = User::find_by_username(conn, "ada")?.id;
    let now = DateTime::UNIX_EPOCH.naive_utc();
    conn.write(|conn| SecondFactor::insert(conn, id, "sealed", 0, now))?;

    let off = program.run(&["resetfactor", "ada"])?;
    let again = program.run(&["resetfactor", "ada"])?;
    let unknown = program.run(&["resetfactor", "bob"])?;

    off.assert_succeeded();
    assert_contains(&off.out, "Two-factor authentication of ada is off.");
    again.assert_failed("ada does not use two-factor authentication");

    unknown.assert_failed("there is no account with the username \"bob\"");

    assert!(SecondFactor::find(conn, id)?.is_none());
    let line = AuditEntry::for_object(conn, "auth.user", id)?.pop();
    let action = line.map(|line| line.action).unwrap_or_default();
    assert_eq!(action, "two-factor authentication turned off");

    Ok(())
}
