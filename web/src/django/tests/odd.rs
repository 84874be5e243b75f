//! Rows that break a rule, one way each.

use anyhow::Result;
use lettings::Letting;
use oc_core::User;
use oc_core::testing::TestDb;

use super::site::{DjangoSite, Edition};
use super::{Options, Outcome, import, imported, nowhere, run, table, warns};
use crate::django::findings::Problem;

/// What makes one row bad, and how that is told: table, id, column, words of the reason.
const CASES: [(&str, [&str; 4]); 27] = [
    (
        "UPDATE lettings_letting SET id = 9223372036854775807 WHERE id = 7",
        [
            "lettings_letting",
            "9223372036854775807",
            "id",
            "between 1 and 9007199254740992",
        ],
    ),
    (
        "UPDATE lettings_address SET number = 10000 WHERE id = 5",
        ["lettings_address", "5", "number", "between 0 and 9999"],
    ),
    (
        "UPDATE lettings_address SET number = 'twelve' WHERE id = 5",
        ["lettings_address", "5", "number", "whole number"],
    ),
    (
        "UPDATE lettings_address SET zip_code = -1 WHERE id = 5",
        ["lettings_address", "5", "zip_code", "between 0 and 99999"],
    ),
    (
        "UPDATE lettings_address SET street = printf('%065d', 0) WHERE id = 5",
        [
            "lettings_address",
            "5",
            "street",
            "at most 64 characters; this has 65",
        ],
    ),
    (
        "UPDATE lettings_address SET city = '' WHERE id = 5",
        ["lettings_address", "5", "city", "City is required."],
    ),
    (
        "UPDATE lettings_address SET state = 'M' WHERE id = 5",
        [
            "lettings_address",
            "5",
            "state",
            "exactly 2 characters; this has 1",
        ],
    ),
    (
        "UPDATE lettings_address SET street = 'a' || char(0) || 'b' WHERE id = 5",
        ["lettings_address", "5", "street", "cannot be stored"],
    ),
    (
        "UPDATE lettings_address SET city = CAST(x'C3' AS TEXT) WHERE id = 5",
        ["lettings_address", "5", "city", "not valid UTF-8"],
    ),
    (
        "UPDATE lettings_letting SET address_id = 99 WHERE id = 7",
        [
            "lettings_letting",
            "7",
            "address_id",
            "address 99, which does not exist",
        ],
    ),
    (
        "UPDATE lettings_letting SET address_id = 1 WHERE id = 7",
        [
            "lettings_letting",
            "7",
            "address_id",
            "Another letting already has this address",
        ],
    ),
    (
        "UPDATE lettings_letting SET title = printf('%0257d', 0) WHERE id = 7",
        [
            "lettings_letting",
            "7",
            "title",
            "at most 256 characters; this has 257",
        ],
    ),
    (
        "UPDATE lettings_letting SET id = -7 WHERE id = 7",
        ["lettings_letting", "-7", "id", "between 1 and"],
    ),
    (
        "UPDATE profiles_profile SET user_id = 99",
        [
            "profiles_profile",
            "4",
            "user_id",
            "user 99, which does not exist",
        ],
    ),
    (
        "INSERT INTO profiles_profile VALUES (9, '', 2)",
        [
            "profiles_profile",
            "9",
            "user_id",
            "Another profile already has this user",
        ],
    ),
    (
        "UPDATE auth_user SET email = 'nobody' WHERE id = 4",
        ["auth_user", "4", "email", "valid email address"],
    ),
    (
        "UPDATE auth_user SET username = 'a b' WHERE id = 4",
        ["auth_user", "4", "username", "may hold only letters"],
    ),
    (
        "UPDATE auth_user SET first_name = printf('%0151d', 0) WHERE id = 4",
        ["auth_user", "4", "first_name", "at most 150 characters"],
    ),
    (
        "UPDATE auth_user SET date_joined = '2021-02-29 00:00:00' WHERE id = 4",
        [
            "auth_user",
            "4",
            "date_joined",
            "no date and time: 2021-02-29",
        ],
    ),
    (
        "UPDATE auth_user SET last_login = 'never' WHERE id = 4",
        ["auth_user", "4", "last_login", "no date and time: never"],
    ),
    (
        "UPDATE auth_user SET is_active = 'yes' WHERE id = 4",
        ["auth_user", "4", "is_active", "neither 0 nor 1"],
    ),
    (
        "INSERT INTO auth_user_groups (id, user_id, group_id) VALUES (8, 4, 99)",
        [
            "auth_user_groups",
            "8",
            "group_id",
            "group 99, which does not exist",
        ],
    ),
    (
        "INSERT INTO auth_user_user_permissions (id, user_id, permission_id) VALUES (8, 4, 999)",
        [
            "auth_user_user_permissions",
            "8",
            "permission_id",
            "permission 999, which does not exist",
        ],
    ),
    (
        "UPDATE django_admin_log SET action_time = 'noon' WHERE id = 4",
        [
            "django_admin_log",
            "4",
            "action_time",
            "no date and time: noon",
        ],
    ),
    (
        "UPDATE django_admin_log SET content_type_id = 99 WHERE id = 4",
        [
            "django_admin_log",
            "4",
            "content_type_id",
            "content type 99, which does not exist",
        ],
    ),
    (
        "UPDATE django_admin_log SET user_id = 99 WHERE id = 4",
        [
            "django_admin_log",
            "4",
            "user_id",
            "user 99, which does not exist",
        ],
    ),
    (
        "INSERT INTO auth_group VALUES (8, ' editors')",
        ["auth_group", "8", "name", "That name is taken: group 3."],
    ),
];

#[test]
fn every_bad_row_is_named_and_nothing_is_imported() -> Result<()> {
    for (sql, [table, id, column, words]) in CASES {
        let mut site = DjangoSite::new(Edition::Split)?;
        site.sql(sql)?;

        let report = import(&site.path(), Options::default(), &nowhere(), &|| {
            anyhow::bail!("the database was opened")
        })?;

        // What refers to it cannot be imported either.
        let is_cause = |problem: &&Problem| !problem.reason.contains("cannot be imported");
        let causes: Vec<&Problem> = report.problems.iter().filter(is_cause).collect();
        let [problem] = causes.as_slice() else {
            panic!("{sql}: {report}");
        };
        assert_eq!(
            (
                problem.table.as_str(),
                problem.id.as_str(),
                problem.column.as_str()
            ),
            (table, id, column),
            "{sql}"
        );
        assert!(problem.reason.contains(words), "{sql}: {}", problem.reason);
        assert!(matches!(report.outcome, Outcome::Refused(_)), "{report}");
    }
    Ok(())
}

#[test]
fn with_skip_bad_all_else_is_imported() -> Result<()> {
    let options = Options {
        skip_bad: true,
        ..Options::default()
    };
    for db in TestDb::each()? {
        let mut site = DjangoSite::new(Edition::Split)?;
        site.sql(
            "UPDATE lettings_address SET zip_code = 'x' WHERE id = 5; \
             UPDATE auth_user SET email = 'nobody' WHERE id = 2;",
        )?;

        let report = run(&db, &site.path(), options)?;

        let conn = &mut db.connect()?;
        assert_eq!(report.outcome, Outcome::Imported, "{report}");
        let skipped = |into| table(&report, into).skipped;
        assert_eq!((skipped("addresses"), skipped("lettings")), (1, 1));
        assert_eq!((skipped("users"), skipped("profiles")), (1, 1));
        assert_eq!((skipped("user_groups"), skipped("user_rights")), (1, 1));
        assert_eq!((Letting::count(conn)?, User::find(conn, 1)?.id), (1, 1));
        let reasons: Vec<&str> = report.problems.iter().map(|p| p.reason.as_str()).collect();
        assert!(
            reasons.contains(&"refers to the address 5, which cannot be imported"),
            "{reasons:?}"
        );
        // What the account did is told all the same.
        let lines = oc_core::changes::Change::of_object(conn, "lettings.letting", 7)?;
        assert_eq!(lines[1].username, "AirWow");
    }
    Ok(())
}

#[test]
fn numbers_that_were_stored_as_text_are_numbers() -> Result<()> {
    let mut site = DjangoSite::new(Edition::Split)?;
    site.sql("UPDATE lettings_address SET number = ' 007 ', street = 12, city = '  Boston ' WHERE id = 5")?;
    let db = TestDb::sqlite()?;

    imported(&db, &site.path())?;

    let (_, address) = Letting::with_address(&mut db.connect()?, 7)?;
    assert_eq!(address.in_one_line(), "7 12, Boston, MA 02134");
    Ok(())
}

#[test]
fn usernames_are_kept_to_the_letter_and_similar_ones_told() -> Result<()> {
    for db in TestDb::each()? {
        let mut site = DjangoSite::new(Edition::Split)?;
        site.sql(
            "UPDATE auth_user SET username = 'airwow' WHERE id = 4; \
             INSERT INTO auth_user SELECT 8, password, NULL, 0, char(0xfb01) || 'n', '', '', '', 0, 1, date_joined FROM auth_user WHERE id = 4; \
             INSERT INTO auth_user SELECT 9, password, NULL, 0, 'fin', '', '', '', 0, 1, date_joined FROM auth_user WHERE id = 4;",
        )?;

        let report = imported(&db, &site.path())?;

        assert!(
            warns(&report, &["AirWow (user 2)", "airwow (user 4)", "case"]),
            "{report}"
        );
        assert!(
            warns(&report, &["user 8", "fin (user 9)", "equal after NFKC"]),
            "{report}"
        );
        assert_eq!(User::find(&mut db.connect()?, 8)?.username, "\u{fb01}n");
    }
    Ok(())
}

#[test]
fn rights_are_merged_by_what_they_say_and_dead_ones_told() -> Result<()> {
    for db in TestDb::each()? {
        // The split of an app leaves the rights of the old models beside those of the new.
        let mut site = DjangoSite::new(Edition::Split)?;
        site.sql(
            "INSERT INTO django_content_type (id, app_label, model) VALUES (20, 'oc_lettings_site', 'letting'); \
             INSERT INTO auth_permission (id, content_type_id, codename, name) VALUES \
                 (90, 20, 'view_letting', ''), (91, 6, 'view_session', ''), (92, 3, 'publish_letting', ''); \
             INSERT INTO auth_user_user_permissions (user_id, permission_id) VALUES (2, 90), (2, 91), (2, 92);",
        )?;

        let report = imported(&db, &site.path())?;

        assert_eq!(
            User::rights(&mut db.connect()?, 2)?,
            ["lettings.view_letting"]
        );
        let rights = table(&report, "user_rights");
        assert_eq!((rights.read, rights.imported, rights.skipped), (4, 1, 3));
        assert!(
            warns(&report, &["sessions.view_session", "left out"]),
            "{report}"
        );
        assert!(
            warns(&report, &["lettings.publish_letting", "left out"]),
            "{report}"
        );
        assert!(warns(&report, &["rights of users", "merged"]), "{report}");
    }
    Ok(())
}

#[test]
fn a_password_that_cannot_be_checked_is_kept_and_told() -> Result<()> {
    let db = TestDb::sqlite()?;
    let mut site = DjangoSite::new(Edition::Split)?;
    site.sql(
        "UPDATE auth_user SET password = 'md5$salt$5f4dcc3b' WHERE id = 2; \
         UPDATE auth_user SET password = '' WHERE id = 4;",
    )?;

    let report = imported(&db, &site.path())?;

    let conn = &mut db.connect()?;
    assert!(warns(&report, &["AirWow", "cannot be checked"]), "{report}");
    assert_eq!(User::find(conn, 2)?.password, "md5$salt$5f4dcc3b");
    assert_eq!(User::find(conn, 4)?.password, "!");
    Ok(())
}
