//! Importing twice, and into a database that holds something already.

use accounts::testing::user;
use accounts::{Group, GroupDraft, User};
use anyhow::Result;
use audit::AuditEntry;
use diesel::connection::SimpleConnection;
use lettings::{Address, Letting};
use oc_core::DbConnection;
use oc_core::testing::TestDb;

use super::site::{DjangoSite, Edition};
use super::{Options, Outcome, imported, run, table};

const MERGE: Options = Options {
    dry_run: false,
    skip_bad: false,
    merge: true,
    show_emails: false,
};

/// How many rows there are: users, addresses, lettings, profiles, rights, lines of the record.
fn counts(conn: &mut DbConnection) -> Result<Vec<i64>> {
    [
        "users",
        "addresses",
        "lettings",
        "profiles",
        "user_rights",
        "user_groups",
        "changes",
    ]
    .iter()
    .map(|table| {
        use diesel::RunQueryDsl;
        let query = format!("SELECT count(*) FROM {table}");
        let count = diesel::dsl::sql::<diesel::sql_types::BigInt>(&query).get_result(conn)?;
        Ok(count)
    })
    .collect()
}

#[test]
fn a_second_run_changes_nothing_whatever_staff_did_meanwhile() -> Result<()> {
    for db in TestDb::each()? {
        let site = DjangoSite::new(Edition::Split)?;
        imported(&db, &site.path())?;
        let conn = &mut db.connect()?;
        Letting::delete(conn, &[1])?;
        User::set_password(conn, 1, "$argon2id$new")?;
        let before = counts(conn)?;

        let report = run(&db, &site.path(), Options::default())?;

        assert!(matches!(report.outcome, Outcome::Stands(_)), "{report}");
        assert_eq!(counts(conn)?, before);
        assert_eq!(User::find(conn, 1)?.password, "$argon2id$new");
    }
    Ok(())
}

#[test]
fn a_login_on_the_old_site_makes_no_other_file_and_another_password_is_told() -> Result<()> {
    for db in TestDb::each()? {
        let mut site = DjangoSite::new(Edition::Split)?;
        imported(&db, &site.path())?;
        let conn = &mut db.connect()?;
        Letting::delete(conn, &[1])?;
        site.sql("UPDATE auth_user SET last_login = '2026-01-01 00:00:00' WHERE id = 1")?;

        let report = run(&db, &site.path(), Options::default())?;

        assert!(matches!(report.outcome, Outcome::Stands(_)), "{report}");
        assert_eq!(Letting::count(conn)?, 1, "what staff deleted came back");

        site.sql("UPDATE auth_user SET password = 'pbkdf2_sha256$1$a$b' WHERE id = 2")?;
        let report = run(&db, &site.path(), Options::default())?;
        let told = &report.conflicts;
        assert!(
            told.iter().any(|c| c.reason.contains("another password")),
            "{report}"
        );
    }
    Ok(())
}

#[test]
fn rows_that_came_later_are_added_to_those_that_stand() -> Result<()> {
    for db in TestDb::each()? {
        let mut site = DjangoSite::new(Edition::Split)?;
        imported(&db, &site.path())?;
        site.sql(
            "INSERT INTO lettings_address SELECT 9, 1, street, city, state, zip_code, country_iso_code \
                 FROM lettings_address WHERE id = 5; \
             INSERT INTO lettings_letting VALUES (9, 'Later', 9);",
        )?;

        let report = run(&db, &site.path(), Options::default())?;

        assert_eq!(report.outcome, Outcome::Imported, "{report}");
        let lettings = table(&report, "lettings");
        assert_eq!((lettings.imported, lettings.standing), (1, 2));
        assert_eq!(table(&report, "changes").standing, 4);
        assert_eq!(
            Letting::with_address(&mut db.connect()?, 9)?.0.title,
            "Later"
        );
    }
    Ok(())
}

#[test]
fn a_database_with_other_lettings_is_left_as_it_is() -> Result<()> {
    for db in TestDb::each()? {
        let conn = &mut db.connect()?;
        lettings::demo::fill(conn, 3, |_| {})?;
        let before = counts(conn)?;

        let report = run(
            &db,
            &DjangoSite::new(Edition::Split)?.path(),
            Options::default(),
        )?;

        let Outcome::Refused(why) = &report.outcome else {
            panic!("{report}");
        };
        assert!(why.contains("3 other lettings"), "{why}");
        assert_eq!(counts(conn)?, before);
        assert!(report.tables.iter().all(|table| table.imported == 0));
    }
    Ok(())
}

#[test]
fn merging_adds_by_natural_keys_and_overwrites_nothing() -> Result<()> {
    for db in TestDb::each()? {
        let conn = &mut db.connect()?;
        lettings::demo::fill(conn, 3, |_| {})?;
        let first = user(conn, "first")?;
        let ada = user(conn, "AirWow")?;
        assert_eq!((first, ada), (1, 2));

        let report = run(&db, &DjangoSite::new(Edition::Split)?.path(), MERGE)?;

        assert_eq!(report.outcome, Outcome::Imported, "{report}");
        let (demo, _) = Letting::with_address(conn, 1)?;
        assert_ne!(demo.title, "Joshua Tree Green Haus /w Hot Tub");
        assert_eq!(Letting::count(conn)?, 5);
        // Letting 7 and address 5 were free; letting 1 and address 1 were not.
        let (silo, address) = Letting::with_address(conn, 7)?;
        assert_eq!((silo.title.as_str(), address.id), ("'Silo' & <Studio>", 5));
        let admin = User::find_by_username(conn, "admin")?;
        assert!(admin.id > 4, "{}", admin.id);
        // Ada stands: she keeps what she has, and gains no right.
        let ada = User::find(conn, ada)?;
        assert_eq!(
            (ada.email.as_str(), ada.is_staff),
            ("airwow@example.org", false)
        );
        assert!(User::rights(conn, ada.id)?.is_empty() && User::groups(conn, ada.id)?.is_empty());
        let told: Vec<&str> = report.conflicts.iter().map(|c| c.reason.as_str()).collect();
        assert!(
            told.iter()
                .any(|why| why.contains("another letting has this id; stored under")),
            "{told:?}"
        );
        assert!(
            told.iter()
                .any(|why| why.contains("stands with other facts")),
            "{told:?}"
        );
        assert!(
            told.iter()
                .any(|why| why.contains("nothing is added to a user that stands")),
            "{told:?}"
        );
        let line = &AuditEntry::recent(conn, admin.id, 10)?;
        assert_eq!(line.len(), 2, "the log follows the account to its new id");
    }
    Ok(())
}

#[test]
fn the_record_of_what_is_gone_is_not_told_of_another_row() -> Result<()> {
    for db in TestDb::each()? {
        let conn = &mut db.connect()?;
        lettings::demo::fill(conn, 20, |_| {})?;
        for name in ["a", "b", "c", "d"] {
            user(conn, name)?;
        }
        let mut site = DjangoSite::new(Edition::Split)?;
        // Letting 12 is gone there and stands here; user 4 is bad there, and somebody else here.
        site.sql(
            "UPDATE auth_user SET email = 'nobody' WHERE id = 4; \
             UPDATE django_admin_log SET user_id = 4 WHERE object_id = '12'; \
             INSERT INTO django_admin_log (action_time, object_id, object_repr, action_flag, change_message, content_type_id, user_id) \
                 VALUES ('2020-06-18 10:00:00', '99', 'Long gone', 3, '', 3, 1);",
        )?;
        let options = Options {
            skip_bad: true,
            ..MERGE
        };

        let report = run(&db, &site.path(), options)?;

        assert_eq!(report.outcome, Outcome::Imported, "{report}");
        assert!(AuditEntry::for_object(conn, "lettings.letting", 12)?.is_empty());
        assert!(AuditEntry::recent(conn, 4, 10)?.is_empty());
        assert_eq!(
            AuditEntry::for_object(conn, "lettings.letting", 99)?.len(),
            1
        );
    }
    Ok(())
}

#[test]
fn of_addresses_that_read_the_same_each_finds_its_own() -> Result<()> {
    for db in TestDb::each()? {
        let mut site = DjangoSite::new(Edition::Split)?;
        site.sql(
            "INSERT INTO lettings_address SELECT 9, number, street, city, state, zip_code, country_iso_code \
                 FROM lettings_address WHERE id = 5; \
             INSERT INTO lettings_letting VALUES (9, 'Upstairs', 9);",
        )?;
        imported(&db, &site.path())?;
        // The first of the two is another here by now.
        let conn = &mut db.connect()?;
        conn.batch_execute("UPDATE addresses SET number = 40 WHERE id = 5")?;
        site.sql("DELETE FROM django_admin_log WHERE id = 1")?;

        let report = run(&db, &site.path(), MERGE)?;

        assert_eq!(Letting::with_address(conn, 9)?.1.id, 9);
        assert_eq!(table(&report, "addresses").imported, 1, "{report}");
        assert_eq!(table(&report, "addresses").standing, 2, "{report}");
    }
    Ok(())
}

#[test]
fn merging_tells_of_names_that_look_alike_and_of_groups_that_take_accounts_in() -> Result<()> {
    for db in TestDb::each()? {
        let conn = &mut db.connect()?;
        let admin = user(conn, "ADMIN")?;
        let group = GroupDraft {
            name: "editors".to_owned(),
        };
        Group::insert(conn, &group.check().expect("the name is one"))?;

        let report = run(&db, &DjangoSite::new(Edition::Split)?.path(), MERGE)?;

        let told: Vec<&str> = report.conflicts.iter().map(|c| c.reason.as_str()).collect();
        let look = format!("looks like the name of user {admin} here");
        assert!(told.iter().any(|why| why.contains(&look)), "{told:?}");
        let join = "have the rights that it has here";
        assert!(told.iter().any(|why| why.contains(join)), "{told:?}");
    }
    Ok(())
}

#[test]
fn merging_the_same_rows_again_adds_none() -> Result<()> {
    for db in TestDb::each()? {
        let conn = &mut db.connect()?;
        lettings::demo::fill(conn, 3, |_| {})?;
        let mut site = DjangoSite::new(Edition::Split)?;
        run(&db, &site.path(), MERGE)?;
        // Another log, so that it is not just the same file.
        site.sql("DELETE FROM django_admin_log WHERE id = 1")?;
        let before = counts(conn)?;

        let report = run(&db, &site.path(), MERGE)?;

        assert!(matches!(report.outcome, Outcome::Stands(_)), "{report}");
        assert_eq!(counts(conn)?, before);
    }
    Ok(())
}

#[test]
fn a_failure_in_the_middle_leaves_the_database_as_it_was() -> Result<()> {
    for db in TestDb::each()? {
        let conn = &mut db.connect()?;
        conn.batch_execute(match conn {
            DbConnection::Postgres(_) => {
                "ALTER TABLE changes ADD CONSTRAINT no_flag CHECK (title <> 'a session')"
            }
            DbConnection::Sqlite(_) => {
                "CREATE TRIGGER no_flag BEFORE INSERT ON changes WHEN new.title = 'a session' \
                 BEGIN SELECT RAISE(ABORT, 'refused'); END"
            }
        })?;

        let failed = run(
            &db,
            &DjangoSite::new(Edition::Split)?.path(),
            Options::default(),
        );

        assert!(failed.is_err_and(|error| format!("{error:#}").contains("changes")));
        assert_eq!(counts(conn)?, [0; 7]);
        assert!(Address::cities(conn)?.is_empty());
    }
    Ok(())
}
