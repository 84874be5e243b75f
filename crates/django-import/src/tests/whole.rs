//! A whole site.

use accounts::User;
use accounts::password::verify;
use accounts::testing::user;
use accounts::{Group, Permissions, Verb};
use anyhow::Result;
use audit::AuditEntry;
use lettings::Letting;
use lettings::testing::{address_draft, insert_address, insert_letting, letting_draft};
use oc_core::testing::TestDb;
use profiles::PublicProfile;

use super::site::{DjangoSite, Edition, LEAKED};
use super::{Options, counts, imported, run, warns};

#[test]
fn every_edition_brings_the_same_site() -> Result<()> {
    for edition in [Edition::OneApp, Edition::Split, Edition::Newest] {
        for db in TestDb::each()? {
            let report = imported(&db, &DjangoSite::new(edition)?.path())?;

            let conn = &mut db.connect()?;
            let (letting, address) = Letting::with_address(conn, 7)?;
            assert_eq!(letting.title, "'Silo' & <Studio>", "{edition:?}");
            assert_eq!(address.in_one_line(), "4 Military Street, Boston, MA 02134");
            let ada = PublicProfile::find(conn, "AirWow")?;
            assert_eq!(ada.first_name, "Ada");
            assert_eq!(ada.favorite_city, "Budapest");
            assert_eq!(ada.email, None);
            assert_eq!(counts(&report, "log entries"), (4, 4));
        }
    }
    Ok(())
}

#[test]
fn accounts_keep_their_passwords_and_permissions() -> Result<()> {
    for db in TestDb::each()? {
        imported(&db, &DjangoSite::new(Edition::Split)?.path())?;

        let conn = &mut db.connect()?;
        let admin = User::find(conn, 1)?;
        assert!(verify("Sea breeze 42", &admin.password).is_right());
        assert!(admin.is_superuser && admin.is_staff && !admin.must_change_password);
        assert_eq!(
            admin.last_login.map(|time| time.to_string()).as_deref(),
            Some("2020-06-14 09:41:56.975174")
        );
        let jeanne = User::find_by_username(conn, "Жанна")?;
        assert!(!jeanne.is_active && !jeanne.is_staff && jeanne.last_login.is_none());
        assert_eq!(jeanne.password, "!k3zD0Pq");
        let ada = User::find(conn, 2)?;
        let permissions = Permissions::for_user(conn, &ada)?;
        assert!(permissions.may(Verb::View, "lettings", "letting"));
        assert!(permissions.may(Verb::Change, "lettings", "address"));
        assert!(!permissions.may(Verb::Delete, "lettings", "letting"));
        assert_eq!(Group::all(conn)?[0].name, "editors");
    }
    Ok(())
}

#[test]
fn the_admin_log_becomes_the_audit_log() -> Result<()> {
    for db in TestDb::each()? {
        imported(&db, &DjangoSite::new(Edition::OneApp)?.path())?;

        let conn = &mut db.connect()?;
        let mut history = |id| -> Result<Vec<(String, String, String)>> {
            let entries = AuditEntry::for_object(conn, "lettings.letting", id)?;
            let line = |entry: AuditEntry| {
                (
                    entry.changed_at.to_string(),
                    entry.username,
                    entry.description,
                )
            };
            Ok(entries.into_iter().map(line).collect())
        };
        let line =
            |at: &str, who: &str, what: &str| (at.to_owned(), who.to_owned(), what.to_owned());
        assert_eq!(
            history(7)?,
            [
                line("2020-06-14 09:52:18.053407", "admin", "Added."),
                line(
                    "2020-06-15 10:00:00",
                    "AirWow",
                    "Changed Title and Address."
                ),
            ]
        );
        assert_eq!(
            history(12)?,
            [line("2020-06-16 10:00:00", "admin", "Deleted.")]
        );
    }
    Ok(())
}

#[test]
fn ids_of_the_old_site_are_not_assigned_again() -> Result<()> {
    for db in TestDb::each()? {
        let mut site = DjangoSite::new(Edition::Split)?;
        site.sql("UPDATE sqlite_sequence SET seq = 90 WHERE name = 'lettings_address'")?;
        imported(&db, &site.path())?;

        let conn = &mut db.connect()?;
        let id = insert_address(conn, &address_draft())?;
        let letting = letting_draft("New", id);

        assert!(id > 90, "{id}");
        // Letting 12 was deleted, and the log has its history.
        assert!(insert_letting(conn, &letting)? > 12);
        assert!(user(conn, "new")? > 4);
    }
    Ok(())
}

#[test]
fn email_addresses_are_only_shown_on_request() -> Result<()> {
    let db = TestDb::sqlite()?;
    let options = Options {
        show_emails: true,
        ..Options::default()
    };
    run(&db, &DjangoSite::new(Edition::Split)?.path(), options)?;

    let ada = PublicProfile::find(&mut db.connect()?, "AirWow")?;

    assert_eq!(ada.email.as_deref(), Some("ada@example.org"));
    Ok(())
}

#[test]
fn a_leaked_password_of_staff_must_be_changed() -> Result<()> {
    let db = TestDb::sqlite()?;
    let mut site = DjangoSite::new(Edition::Split)?;
    site.sql(&format!("UPDATE auth_user SET password = '{LEAKED}'"))?;

    let report = imported(&db, &site.path())?;

    let conn = &mut db.connect()?;
    assert!(warns(&report, &["admin", "first login"]), "{report}");
    assert!(User::find(conn, 1)?.must_change_password);
    assert!(User::find(conn, 2)?.must_change_password);
    assert!(!User::find(conn, 4)?.must_change_password, "not staff");
    Ok(())
}
