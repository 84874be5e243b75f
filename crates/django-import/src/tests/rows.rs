//! Rows that can't be imported, or only in part.

use accounts::User;
use anyhow::{Context, Result};
use audit::AuditEntry;
use lettings::Letting;
use oc_core::testing::TestDb;

use super::site::{DjangoSite, Edition};
use super::{Outcome, SKIP_BAD, checked, counts, imported, run, warns};

/// SQL that makes one row invalid, and a part of the problem that is reported.
const CASES: &str = "\
UPDATE lettings_letting SET id = 9223372036854775807 WHERE id = 7 => lettings_letting 9223372036854775807, id: between 1 and 9007199254740992
UPDATE lettings_letting SET id = -7 WHERE id = 7 => lettings_letting -7, id: between 1 and
UPDATE lettings_address SET number = 10000 WHERE id = 5 => lettings_address 5, number: between 0 and 9999
UPDATE lettings_address SET number = 'twelve' WHERE id = 5 => lettings_address 5, number: whole number
UPDATE lettings_address SET zip_code = -1 WHERE id = 5 => lettings_address 5, zip_code: between 0 and 99999
UPDATE lettings_address SET street = printf('%065d', 0) WHERE id = 5 => lettings_address 5, street: 65
UPDATE lettings_address SET city = '' WHERE id = 5 => lettings_address 5, city: City is required.
UPDATE lettings_address SET state = 'M' WHERE id = 5 => lettings_address 5, state: exactly 2 characters
UPDATE lettings_address SET street = 'a' || char(0) || 'b' WHERE id = 5 => lettings_address 5, street: character
UPDATE lettings_address SET city = CAST(x'C3' AS TEXT) WHERE id = 5 => lettings_address 5, city: not valid UTF-8
UPDATE lettings_letting SET address_id = 99 WHERE id = 7 => lettings_letting 7, address: address 99, which does not exist
UPDATE lettings_letting SET address_id = 1 WHERE id = 7 => lettings_letting 7, address: Another letting already has this address
UPDATE lettings_letting SET title = printf('%0257d', 0) WHERE id = 7 => lettings_letting 7, title: 257
UPDATE profiles_profile SET user_id = 99 => profiles_profile 4, user: user 99, which does not exist
INSERT INTO profiles_profile VALUES (9, '', 2) => profiles_profile 9, user: Another profile already has this user
UPDATE auth_user SET email = printf('%0255d', 0) WHERE id = 4 => auth_user 4, email: 254
UPDATE auth_user SET username = 'a b' WHERE id = 4 => auth_user 4, username: letters, digits
UPDATE auth_user SET username = char(0xff21) || 'irWow' WHERE id = 4 => auth_user 4, username: already taken
UPDATE auth_user SET first_name = printf('%0151d', 0) WHERE id = 4 => auth_user 4, first_name: 150
UPDATE auth_user SET date_joined = '2021-02-29 00:00:00' WHERE id = 4 => auth_user 4, date_joined: not a date and time: 2021-02-29
UPDATE auth_user SET last_login = 'never' WHERE id = 4 => auth_user 4, last_login: not a date and time: never
UPDATE auth_user SET is_active = 'yes' WHERE id = 4 => auth_user 4, is_active: neither true nor false
UPDATE django_admin_log SET action_time = 'noon' WHERE id = 4 => django_admin_log 4, action_time: not a date and time: noon
INSERT INTO auth_group VALUES (8, ' editors') => auth_group 8, name: already taken";

#[test]
fn every_invalid_row_is_reported_and_nothing_is_imported() -> Result<()> {
    for case in CASES.lines() {
        let (sql, problem) = case.split_once(" => ").context("a case")?;
        let (row, rest) = problem.split_once(", ").context("a row")?;
        let (table, id) = row.split_once(' ').context("an id")?;
        let (field, reason) = rest.split_once(": ").context("a reason")?;
        let mut site = DjangoSite::new(Edition::Split)?;
        site.sql(sql)?;

        let report = checked(&site.path())?;

        assert_eq!(report.outcome, Outcome::Rejected, "{sql}: {report}");
        // Rows that refer to it can't be imported either.
        let causes = report.problems.iter();
        let causes: Vec<_> = causes
            .filter(|problem| problem.table == table || !problem.reason.starts_with("refers to"))
            .collect();
        let [problem] = causes.as_slice() else {
            panic!("{sql}: {report}");
        };
        assert_eq!(
            (problem.table.as_str(), problem.id.as_str()),
            (table, id),
            "{sql}"
        );
        assert_eq!(problem.field, field, "{sql}");
        assert!(problem.reason.contains(reason), "{sql}: {}", problem.reason);
        let line = format!("{table} {id}, {field}: ");
        assert!(report.to_string().contains(&line), "{report}");
    }
    Ok(())
}

#[test]
fn skip_bad_imports_the_other_rows() -> Result<()> {
    for db in TestDb::each()? {
        let mut site = DjangoSite::new(Edition::Split)?;
        site.sql(
            "UPDATE lettings_address SET zip_code = 'x' WHERE id = 5; \
             UPDATE auth_user SET is_active = 'x' WHERE id = 2;",
        )?;

        let report = run(&db, &site.path(), SKIP_BAD)?;

        assert_eq!(report.outcome, Outcome::Imported, "{report}");
        assert_eq!(counts(&report, "addresses"), (2, 1));
        assert_eq!(counts(&report, "lettings"), (2, 1));
        assert_eq!(counts(&report, "users"), (3, 2));
        assert_eq!(counts(&report, "profiles"), (1, 0));
        let conn = &mut db.connect()?;
        assert_eq!((Letting::count(conn)?, User::find(conn, 1)?.id), (1, 1));
        let entries = AuditEntry::for_object(conn, "lettings.letting", 7)?;
        assert_eq!(
            (entries[1].user_id, entries[1].username.as_str()),
            (None, "user 2")
        );
    }
    Ok(())
}

#[test]
fn log_entries_of_deleted_users_and_models_are_kept_with_their_text() -> Result<()> {
    for db in TestDb::each()? {
        let mut site = DjangoSite::new(Edition::Split)?;
        site.sql(
            "UPDATE django_admin_log SET user_id = 99 WHERE id = 1; \
             UPDATE django_admin_log SET content_type_id = 99 WHERE id = 4; \
             UPDATE django_admin_log SET object_repr = printf('%0600d', 0), action_flag = 9 WHERE id = 3;",
        )?;

        let report = imported(&db, &site.path())?;

        let conn = &mut db.connect()?;
        let orphan = AuditEntry::find(conn, 1)?;
        assert_eq!(
            (orphan.user_id, orphan.username.as_str()),
            (None, "user 99")
        );
        assert_eq!(
            (orphan.title.as_str(), orphan.description.as_str()),
            ("Silo", "Added.")
        );
        assert_eq!(AuditEntry::find(conn, 4)?.model, "unknown");
        assert_eq!(AuditEntry::find(conn, 3)?.title.len(), 512);
        assert!(warns(&report, &["deleted users", "1"]), "{report}");
    }
    Ok(())
}

#[test]
fn numbers_stored_as_text_are_numbers_and_text_is_trimmed() -> Result<()> {
    let mut site = DjangoSite::new(Edition::Split)?;
    site.sql("UPDATE lettings_address SET number = ' 007 ', street = 12, city = '  Boston ' WHERE id = 5")?;
    let db = TestDb::sqlite()?;

    imported(&db, &site.path())?;

    let (_, address) = Letting::with_address(&mut db.connect()?, 7)?;
    assert_eq!(address.in_one_line(), "7 12, Boston, MA 02134");
    Ok(())
}

#[test]
fn permissions_of_both_layouts_are_merged_and_unknown_ones_listed() -> Result<()> {
    for db in TestDb::each()? {
        // Splitting an app leaves the permissions of the old models behind.
        let mut site = DjangoSite::new(Edition::Split)?;
        site.sql(
            "INSERT INTO django_content_type (id, app_label, model) VALUES (20, 'oc_lettings_site', 'letting'); \
             INSERT INTO auth_permission (id, content_type_id, codename, name) VALUES \
                 (90, 20, 'view_letting', ''), (91, 6, 'view_session', ''), (92, 3, 'publish_letting', ''); \
             INSERT INTO auth_user_user_permissions (user_id, permission_id) VALUES (2, 90), (2, 91), (2, 92), (2, 999);",
        )?;

        let report = imported(&db, &site.path())?;

        let permissions = User::permissions(&mut db.connect()?, 2)?;
        assert_eq!(permissions, ["lettings.view_letting"]);
        // One of them is the group's.
        assert_eq!(counts(&report, "permissions"), (6, 2));
        let unknown: Vec<&str> = report
            .unknown_permissions
            .iter()
            .map(String::as_str)
            .collect();
        assert_eq!(
            unknown,
            [
                "999, which does not exist",
                "lettings.publish_letting",
                "sessions.view_session"
            ]
        );
    }
    Ok(())
}

#[test]
fn an_account_is_kept_whatever_its_email_address_and_password() -> Result<()> {
    let db = TestDb::sqlite()?;
    let mut site = DjangoSite::new(Edition::Split)?;
    site.sql(
        "UPDATE auth_user SET email = 'admin' WHERE id = 1; \
         UPDATE auth_user SET password = 'md5$salt$5f4dcc3b' WHERE id = 2; \
         UPDATE auth_user SET password = '', username = 'Jose' || char(769) WHERE id = 4;",
    )?;

    let report = imported(&db, &site.path())?;

    let conn = &mut db.connect()?;
    assert_eq!(User::find(conn, 1)?.email, "");
    assert!(warns(&report, &["admin", "not valid"]), "{report}");
    assert_eq!(User::find(conn, 2)?.password, "md5$salt$5f4dcc3b");
    assert!(warns(&report, &["AirWow", "can't be verified"]), "{report}");
    // The login form normalizes usernames too.
    assert_eq!(User::find(conn, 4)?.username, "Jos\u{e9}");
    assert_eq!(User::find(conn, 4)?.password, "!");
    Ok(())
}
