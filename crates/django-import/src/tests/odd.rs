//! Rows that break a rule, one way each.

use accounts::User;
use anyhow::Result;
use lettings::Letting;
use oc_core::testing::TestDb;

use crate::findings::Problem;

use super::cases::CASES;
use super::site::{DjangoSite, Edition};
use super::{Options, Outcome, import, imported, nowhere, run, table, warns};

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
             UPDATE auth_user SET is_active = 'x' WHERE id = 2;",
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
        let lines = audit::AuditEntry::for_object(conn, "lettings.letting", 7)?;
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

#[test]
fn what_django_let_through_costs_nobody_an_account() -> Result<()> {
    for db in TestDb::each()? {
        let mut site = DjangoSite::new(Edition::Split)?;
        site.sql(
            "UPDATE auth_user SET email = 'admin' WHERE id = 1; \
             UPDATE auth_user SET username = 'Jose' || char(769) WHERE id = 4; \
             CREATE TABLE loose AS SELECT id, NULL AS favorite_city, user_id FROM profiles_profile; \
             DROP TABLE profiles_profile; ALTER TABLE loose RENAME TO profiles_profile;",
        )?;

        let report = imported(&db, &site.path())?;

        let conn = &mut db.connect()?;
        assert_eq!(User::find(conn, 1)?.email, "admin");
        assert_eq!(User::find(conn, 4)?.username, "Jose\u{301}");
        for words in [
            &["admin", "not in the form"][..],
            &["Jose", "NFKC"],
            &["1 row of profiles", "favorite_city", "taken for empty"],
        ] {
            assert!(warns(&report, words), "{words:?}: {report}");
        }
    }
    Ok(())
}
