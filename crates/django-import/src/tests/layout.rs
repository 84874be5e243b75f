//! The two layouts, and files that have neither.

use std::fs::File;

use anyhow::Result;
use lettings::Letting;
use oc_core::testing::TestDb;

use super::site::{DjangoSite, Edition};
use super::{checked, imported, rejection};

/// A split site in which the tables of the first edition were left behind.
fn both(is_split_filled: bool) -> Result<DjangoSite> {
    let mut site = DjangoSite::with_tables(Edition::Split, "lettings", "profiles")?;
    site.add_tables("oc_lettings_site", "oc_lettings_site", "integer")?;
    if is_split_filled {
        site.add_rows("lettings", "profiles")?;
        site.sql(
            "INSERT INTO oc_lettings_site_address SELECT * FROM lettings_address; \
             INSERT INTO oc_lettings_site_letting SELECT id, 'Old', address_id FROM lettings_letting;",
        )?;
    } else {
        site.add_rows("oc_lettings_site", "oc_lettings_site")?;
    }
    Ok(site)
}

#[test]
fn the_split_layout_wins_unless_it_is_empty() -> Result<()> {
    for (is_split_filled, expected) in [(true, "split apps"), (false, "one app")] {
        let db = TestDb::sqlite()?;

        let report = imported(&db, &both(is_split_filled)?.path())?;

        assert!(report.source.contains(expected), "{report}");
        let letting = Letting::with_address(&mut db.connect()?, 7)?.0;
        assert_eq!(letting.title, "'Silo' & <Studio>");
    }
    Ok(())
}

#[test]
fn tables_that_are_not_imported_are_listed() -> Result<()> {
    let report = checked(&both(true)?.path())?;

    let listed: Vec<&str> = report
        .not_imported
        .iter()
        .map(|(name, _)| name.as_str())
        .collect();
    assert_eq!(
        listed,
        [
            "django_migrations",
            "django_session",
            "oc_lettings_site_address",
            "oc_lettings_site_letting"
        ]
    );
    Ok(())
}

#[test]
fn other_layouts_are_rejected_with_what_was_found() -> Result<()> {
    let mut site = DjangoSite::new(Edition::Split)?;
    site.sql("ALTER TABLE lettings_letting RENAME TO rentals_letting")?;
    let reason = rejection(&site.path());
    assert!(
        reason.contains("not from a Django edition of this site"),
        "{reason}"
    );
    assert!(
        reason.contains("profiles_profile, rentals_letting"),
        "{reason}"
    );

    let mut site = DjangoSite::new(Edition::Split)?;
    site.sql("ALTER TABLE lettings_address RENAME COLUMN zip_code TO zip")?;
    let reason = rejection(&site.path());
    assert!(
        reason.contains("could not read lettings_address: no such column: t.zip_code"),
        "{reason}"
    );

    let mut site = DjangoSite::new(Edition::Split)?;
    site.sql("DROP TABLE auth_user")?;
    assert!(rejection(&site.path()).contains("it has no table auth_user"));
    Ok(())
}

#[test]
fn other_kinds_of_files_are_named() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("file");
    for (content, reason) in [
        (&b"id,title\n1,House\n"[..], "neither a SQLite database nor"),
        (&[0x1f, 0x8b, 8], "it is compressed"),
        (b"SQLite format 3\0", "it is cut short"),
        (b"[1]", "neither a SQLite database nor"),
        (b"[{}]", "not what dumpdata writes"),
        (b"[]\n{}", "trailing characters at line 2 column 1"),
        (
            b"\xef\xbb\xbf[\n{\"\xc3\xa9\xff",
            "damaged at line 2 column 4",
        ),
        (b"[]", "found nothing"),
        (
            br#"[{"model": "blog.post", "pk": 1, "fields": {}}]"#,
            "found blog.post",
        ),
    ] {
        std::fs::write(&path, content)?;
        let found = rejection(&path);
        assert!(found.contains(reason), "{found}");
    }
    // An SQL dump that fits into no memory.
    std::fs::write(&path, "CREATE TABLE letting (id);\n")?;
    File::options().write(true).open(&path)?.set_len(1 << 40)?;
    assert!(rejection(&path).contains("neither a SQLite database nor"));
    let own = TestDb::sqlite()?;
    let file = own.url().file().expect("it is a file");
    assert!(rejection(file.as_ref()).contains("a database of this program"));
    Ok(())
}
