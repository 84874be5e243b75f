//! A whole site, moved over.

use accounts::password::{Verdict, verify};
use accounts::testing::user;
use accounts::{Group, Rights, User, Verb};
use anyhow::Result;
use audit::AuditEntry;
use lettings::Letting;
use lettings::testing::{address_draft, insert_address, insert_letting, letting_draft};
use oc_core::testing::TestDb;
use profiles::PublicProfile;

use super::site::{DjangoSite, Edition, PUBLISHED, set_password};
use super::{Options, imported, run, table, warns};

const EDITIONS: [Edition; 3] = [Edition::OneApp, Edition::Split, Edition::Newest];

#[test]
fn every_edition_brings_the_same_site() -> Result<()> {
    for edition in EDITIONS {
        for db in TestDb::each()? {
            let site = DjangoSite::new(edition)?;

            let report = imported(&db, &site.path())?;

            let conn = &mut db.connect()?;
            let (letting, address) = Letting::with_address(conn, 7)?;
            assert_eq!(letting.title, "'Silo' & <Studio>", "{edition:?}");
            assert_eq!(address.in_one_line(), "4 Military Street, Boston, MA 02134");
            let ada = PublicProfile::find(conn, "AirWow")?;
            assert_eq!(
                (
                    ada.first_name.as_str(),
                    ada.favorite_city.as_str(),
                    ada.email
                ),
                ("Ada", "Budapest", None)
            );
            assert!(report.check.iter().all(|table| table.equal));
            assert_eq!(table(&report, "changes").imported, 4);
        }
    }
    Ok(())
}

#[test]
fn accounts_keep_their_passwords_and_what_they_may() -> Result<()> {
    for db in TestDb::each()? {
        imported(&db, &DjangoSite::new(Edition::Split)?.path())?;

        let conn = &mut db.connect()?;
        let admin = User::find(conn, 1)?;
        assert_eq!(
            verify("Sea breeze 42", &admin.password),
            Verdict::RightButOld
        );
        assert!(admin.is_superuser && admin.is_staff && !admin.must_change_password);
        assert_eq!(
            admin.last_login.map(|time| time.to_string()).as_deref(),
            Some("2020-06-14 09:41:56.975174")
        );
        let jeanne = User::find_by_username(conn, "Жанна")?;
        assert!(!jeanne.is_active && !jeanne.is_staff && jeanne.last_login.is_none());
        assert_eq!(jeanne.password, "!k3zD0Pq");
        let ada = User::find(conn, 2)?;
        let rights = Rights::of(conn, &ada)?;
        assert!(rights.may(Verb::View, "lettings", "letting"));
        assert!(rights.may(Verb::Change, "lettings", "address"));
        assert!(!rights.may(Verb::Delete, "lettings", "letting"));
        assert_eq!(Group::all(conn)?[0].name, "editors");
    }
    Ok(())
}

#[test]
fn the_log_becomes_the_record_also_of_what_is_gone() -> Result<()> {
    for db in TestDb::each()? {
        let report = imported(&db, &DjangoSite::new(Edition::OneApp)?.path())?;

        let conn = &mut db.connect()?;
        let told = |lines: Vec<AuditEntry>| -> Vec<(String, String, String)> {
            lines
                .into_iter()
                .map(|line| (line.changed_at.to_string(), line.username, line.description))
                .collect()
        };
        let line =
            |at: &str, who: &str, words: &str| (at.to_owned(), who.to_owned(), words.to_owned());
        assert_eq!(
            told(AuditEntry::for_object(conn, "lettings.letting", 7)?),
            [
                line("2020-06-14 09:52:18.053407", "admin", "Added."),
                line(
                    "2020-06-15 10:00:00",
                    "AirWow",
                    "Changed Title and Address."
                ),
            ]
        );
        let gone = AuditEntry::for_object(conn, "lettings.letting", 12)?;
        assert_eq!(gone[0].title, "Gone with the tide");
        assert_eq!(
            told(gone),
            [line("2020-06-16 10:00:00", "admin", "Deleted.")]
        );
        assert!(warns(&report, &["1 line", "sessions.session"]));
    }
    Ok(())
}

#[test]
fn later_ids_come_after_those_that_the_old_site_gave_out() -> Result<()> {
    for db in TestDb::each()? {
        let mut site = DjangoSite::new(Edition::Split)?;
        site.sql("UPDATE sqlite_sequence SET seq = 90 WHERE name = 'lettings_address'")?;
        imported(&db, &site.path())?;

        let conn = &mut db.connect()?;
        let id = insert_address(conn, &address_draft())?;
        let letting = letting_draft("New", id);

        assert!(id > 90, "{id}");
        // Letting 12 is gone, and its history must not become that of another.
        assert!(insert_letting(conn, &letting)? > 12);
        assert!(user(conn, "new")? > 4);
    }
    Ok(())
}

#[test]
fn addresses_of_people_are_shown_only_when_asked_for() -> Result<()> {
    for db in TestDb::each()? {
        let options = Options {
            show_emails: true,
            ..Options::default()
        };
        run(&db, &DjangoSite::new(Edition::Split)?.path(), options)?;

        let ada = PublicProfile::find(&mut db.connect()?, "AirWow")?;

        assert_eq!(ada.email.as_deref(), Some("ada@example.org"));
    }
    Ok(())
}

#[test]
fn a_superuser_with_a_published_password_must_choose_another() -> Result<()> {
    for db in TestDb::each()? {
        let mut site = DjangoSite::new(Edition::Split)?;
        set_password(&mut site, 1, PUBLISHED)?;
        set_password(&mut site, 2, PUBLISHED)?;

        let report = imported(&db, &site.path())?;

        let conn = &mut db.connect()?;
        assert!(
            warns(&report, &["admin", "user 1", "first login"]),
            "{report}"
        );
        assert!(User::find(conn, 1)?.must_change_password);
        assert!(!User::find(conn, 2)?.must_change_password);
    }
    Ok(())
}
