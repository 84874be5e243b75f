//! Which tables are taken, and what is left alone.

use accounts::User;
use anyhow::Result;
use audit::AuditEntry;
use lettings::Letting;
use oc_core::testing::TestDb;

use super::site::{DjangoSite, Edition};
use super::{Options, import, imported, nowhere, warns};

/// A split edition with the tables of the one app beside it, which hold another title.
fn both() -> Result<DjangoSite> {
    let site = DjangoSite::new(Edition::Split)?;
    let mut site = site.with_site(Edition::OneApp, "oc_lettings_site", "oc_lettings_site")?;
    site.sql(
        "INSERT INTO oc_lettings_site_address SELECT * FROM lettings_address; \
         INSERT INTO oc_lettings_site_letting SELECT id, 'Old ' || id, address_id FROM lettings_letting; \
         INSERT INTO oc_lettings_site_profile SELECT * FROM profiles_profile;",
    )?;
    Ok(site)
}

fn title(site: &DjangoSite, words: &[&str]) -> Result<String> {
    let db = TestDb::sqlite()?;
    let report = imported(&db, &site.path())?;
    assert!(warns(&report, words), "{report}");
    assert_eq!(Letting::count(&mut db.connect()?)?, 2);
    Ok(Letting::with_address(&mut db.connect()?, 7)?.0.title)
}

#[test]
fn where_two_layouts_stand_the_one_that_the_last_migration_fills_is_taken() -> Result<()> {
    let migrated = |app: &str, name: &str| -> Result<DjangoSite> {
        let mut site = both()?;
        site.sql(&format!(
            "INSERT INTO django_migrations (app, name, applied) VALUES \
             ('oc_lettings_site', '0001_initial', '2019-01-01 00:00:00'), ('{app}', '{name}', '2024-01-01 00:00:00')"
        ))?;
        Ok(site)
    };
    let split = [
        "lettings_letting was taken",
        "left alone: oc_lettings_site_address",
    ];

    let site = migrated("lettings", "0002_copy_data")?;
    assert_eq!(
        title(&site, &[split[0], split[1], "lettings.0002_copy_data"])?,
        "'Silo' & <Studio>"
    );
    let site = migrated("oc_lettings_site", "0002_back_again")?;
    let words = ["oc_lettings_site_letting was taken", "0002_back_again"];
    assert_eq!(title(&site, &words)?, "Old 7");
    // Of the first app, after the others began.
    let handed_over = |name: &str| -> Result<DjangoSite> {
        let mut site = migrated("oc_lettings_site", name)?;
        site.sql(
            "UPDATE django_migrations SET applied = '2023-01-01 00:00:00' WHERE app = 'lettings'",
        )?;
        Ok(site)
    };
    for name in [
        "0002_delete_old_models",
        "0002_move_to_lettings",
        "0003_auto_20210815_1634",
    ] {
        let site = handed_over(name)?;
        assert_eq!(title(&site, &split)?, "'Silo' & <Studio>", "{name}");
    }
    let site = handed_over("0004_copy_back")?;
    assert_eq!(title(&site, &[words[0], "0004_copy_back"])?, "Old 7");
    Ok(())
}

#[test]
fn where_one_of_two_layouts_is_empty_the_other_is_taken() -> Result<()> {
    let mut old = both()?;
    old.sql(
        "DELETE FROM lettings_letting; DELETE FROM lettings_address; DELETE FROM profiles_profile;",
    )?;
    let mut new = both()?;
    new.sql(
        "DELETE FROM oc_lettings_site_letting; DELETE FROM oc_lettings_site_address; \
         DELETE FROM oc_lettings_site_profile;",
    )?;

    assert_eq!(title(&old, &["it alone has rows"])?, "Old 7");
    assert_eq!(title(&new, &["it alone has rows"])?, "'Silo' & <Studio>");
    Ok(())
}

#[test]
fn the_table_that_the_models_of_two_apps_kept_is_found() -> Result<()> {
    // The state alone was moved: the models are of new apps, the tables have their old names.
    let mut site = DjangoSite::new(Edition::OneApp)?;
    site.sql(
        "INSERT INTO django_content_type (id, app_label, model) VALUES (20, 'lettings', 'letting'); \
         UPDATE django_admin_log SET content_type_id = 20 WHERE content_type_id = 3;",
    )?;
    let db = TestDb::sqlite()?;

    imported(&db, &site.path())?;

    let lines = AuditEntry::for_object(&mut db.connect()?, "lettings.letting", 7)?;
    assert_eq!(lines.len(), 2);
    Ok(())
}

#[test]
fn tables_that_keep_the_name_of_another_app_have_their_rights_and_their_history() -> Result<()> {
    let mut site = DjangoSite::new(Edition::OneApp)?;
    site.sql(
        "UPDATE django_content_type SET app_label = 'location' WHERE model IN ('address', 'letting'); \
         UPDATE django_content_type SET app_label = 'profil' WHERE model = 'profile';",
    )?;
    let db = TestDb::sqlite()?;

    imported(&db, &site.path())?;

    let conn = &mut db.connect()?;
    assert_eq!(User::rights(conn, 2)?, ["lettings.view_letting"]);
    assert_eq!(
        AuditEntry::for_object(conn, "lettings.letting", 7)?.len(),
        2
    );
    Ok(())
}

#[test]
fn the_addresses_may_be_in_another_app_than_the_lettings() -> Result<()> {
    let mut site = DjangoSite::new(Edition::Split)?;
    site.sql(
        "ALTER TABLE lettings_address RENAME TO oc_lettings_site_address; DROP TABLE lettings_letting; \
         CREATE TABLE lettings_letting (id integer NOT NULL PRIMARY KEY AUTOINCREMENT, title varchar(256) NOT NULL, \
             address_id integer NOT NULL REFERENCES oc_lettings_site_address (id)); \
         INSERT INTO lettings_letting VALUES (7, 'Silo', 5);",
    )?;
    let db = TestDb::sqlite()?;

    imported(&db, &site.path())?;

    let (letting, address) = Letting::with_address(&mut db.connect()?, 7)?;
    assert_eq!((letting.title.as_str(), address.id), ("Silo", 5));
    Ok(())
}

#[test]
fn profiles_of_a_foreign_app_do_not_take_the_place_of_the_sites_own() -> Result<()> {
    let mut site = DjangoSite::new(Edition::Split)?;
    site.sql(
        "CREATE TABLE accounts_profile AS SELECT * FROM profiles_profile; UPDATE accounts_profile SET favorite_city = 'Else'; \
         INSERT INTO django_migrations (app, name, applied) VALUES ('accounts', '0001_initial', '2024-01-01 00:00:00')",
    )?;
    let db = TestDb::sqlite()?;

    imported(&db, &site.path())?;

    let profile = profiles::PublicProfile::find(&mut db.connect()?, "AirWow")?;
    assert_eq!(profile.favorite_city, "Budapest");
    Ok(())
}

#[test]
fn the_history_of_an_older_layout_is_not_told_of_other_rows() -> Result<()> {
    // The rows were copied without their ids.
    let site = DjangoSite::new(Edition::OneApp)?;
    let mut site = site.with_site(Edition::Split, "lettings", "profiles")?;
    site.sql(
        "INSERT INTO lettings_address SELECT 6 - id, number, street, city, state, zip_code, country_iso_code \
             FROM oc_lettings_site_address; \
         INSERT INTO lettings_letting SELECT 8 - id, title, 6 - address_id FROM oc_lettings_site_letting; \
         INSERT INTO profiles_profile SELECT * FROM oc_lettings_site_profile; \
         INSERT INTO django_migrations (app, name, applied) VALUES ('lettings', '0001_initial', '2024-01-01 00:00:00'), \
             ('profiles', '0001_initial', '2024-01-01 00:00:00')",
    )?;
    let db = TestDb::sqlite()?;

    let report = imported(&db, &site.path())?;

    assert!(
        warns(&report, &["2 lines of the log", "other rows"]),
        "{report}"
    );
    let conn = &mut db.connect()?;
    assert!(AuditEntry::for_object(conn, "lettings.letting", 7)?.is_empty());
    // Nothing else has the id of what is gone.
    assert_eq!(
        AuditEntry::for_object(conn, "lettings.letting", 12)?.len(),
        1
    );
    Ok(())
}

#[test]
fn unknown_tables_and_columns_are_named() -> Result<()> {
    let mut site = DjangoSite::new(Edition::Newest)?;
    site.sql(
        "CREATE TABLE reviews_review (id integer PRIMARY KEY); INSERT INTO reviews_review VALUES (1), (2); \
         ALTER TABLE lettings_letting ADD COLUMN url varchar(200);",
    )?;

    let report = imported(&TestDb::sqlite()?, &site.path())?;

    let left: Vec<(&str, u64)> = report
        .tables_left_alone
        .iter()
        .map(|left| (left.table.as_str(), left.rows))
        .collect();
    assert_eq!(left, [("django_session", 1), ("reviews_review", 2)]);
    assert_eq!(report.columns_left_alone, ["lettings_letting.url"]);
    Ok(())
}

#[test]
fn a_table_without_a_primary_key_is_read_too() -> Result<()> {
    let mut site = DjangoSite::new(Edition::Split)?;
    site.sql(
        "CREATE TABLE copy AS SELECT * FROM lettings_letting ORDER BY id DESC; DROP TABLE lettings_letting; \
         ALTER TABLE copy RENAME TO lettings_letting;",
    )?;
    let db = TestDb::sqlite()?;

    imported(&db, &site.path())?;

    assert_eq!(Letting::count(&mut db.connect()?)?, 2);
    Ok(())
}

#[test]
fn what_is_no_django_edition_is_refused_with_its_reason() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let file = |name: &str, bytes: &[u8]| -> Result<std::path::PathBuf> {
        let path = folder.path().join(name);
        std::fs::write(&path, bytes)?;
        Ok(path)
    };
    let mut without_users = DjangoSite::new(Edition::Split)?;
    without_users.sql("DROP TABLE auth_user")?;
    let mut without_lettings = DjangoSite::new(Edition::Split)?;
    without_lettings.sql("DROP TABLE lettings_letting")?;
    let mut without_column = DjangoSite::new(Edition::Split)?;
    without_column.sql("ALTER TABLE auth_user DROP COLUMN email")?;
    let mut renamed = both()?;
    renamed.sql(
        "ALTER TABLE lettings_letting RENAME COLUMN title TO name; \
         INSERT INTO django_migrations (app, name, applied) VALUES ('oc_lettings_site', '0001_initial', '2019-01-01 00:00:00')",
    )?;
    let mut without_city = DjangoSite::new(Edition::Split)?;
    without_city.sql("ALTER TABLE profiles_profile DROP COLUMN favorite_city")?;
    let own = TestDb::sqlite()?;
    let oc_core::DatabaseUrl::Sqlite(own) = own.url().clone() else {
        unreachable!("it was asked for as a file");
    };
    for (path, words) in [
        (folder.path().to_owned(), "is a folder"),
        (folder.path().join("none"), "cannot read"),
        (file("empty", b"")?, "neither a SQLite database nor"),
        (file("notes", b"notes")?, "neither a SQLite database nor"),
        (file("cut", b"SQLite format 3\0")?, "cannot read"),
        (file("cut.json", b"[{\"model\": ")?, "no dump of Django's"),
        (file("list.json", b"[1, 2]")?, "no dump of Django's"),
        (without_users.path(), "no table auth_user"),
        (without_lettings.path(), "holds no lettings"),
        (without_column.path(), "auth_user has no column email"),
        (
            without_city.path(),
            "profiles_profile has no column favorite_city",
        ),
        (renamed.path(), "lettings_letting has no column title"),
        (file("nothing.json", b"[]")?, "neither users nor lettings"),
        (own, "database of this program"),
    ] {
        let outcome = import(&path, Options::default(), &nowhere(), &|| {
            anyhow::bail!("the database was opened")
        });

        let told = outcome.err().map(|error| format!("{error:#}"));
        assert!(
            told.as_ref().is_some_and(|told| told.contains(words)),
            "{}: {told:?}",
            path.display()
        );
    }
    Ok(())
}
