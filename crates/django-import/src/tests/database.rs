//! Databases that are in use, damaged, or were left behind by a crash. They are never written.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Result;
use lettings::Letting;
use oc_core::DatabaseUrl;
use oc_core::testing::TestDb;
use transfer::Input;

use super::site::{DjangoSite, Edition};
use super::{DRY_RUN, imported, rejection, run};
use crate::{Options, import};

/// The files of a folder and their content.
fn files(folder: &Path) -> Result<BTreeMap<std::ffi::OsString, Vec<u8>>> {
    let mut files = BTreeMap::new();
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        files.insert(entry.file_name(), std::fs::read(entry.path())?);
    }
    Ok(files)
}

/// Imports a file and returns the title of letting 7. Nothing in the file's folder may change.
fn title(path: &Path) -> Result<String> {
    let folder = path.parent().expect("the file is in a folder");
    let before = files(folder)?;
    let db = TestDb::sqlite()?;
    imported(&db, path)?;
    assert!(files(folder)? == before);
    Ok(Letting::with_address(&mut db.connect()?, 7)?.0.title)
}

/// A copy of a database and of a file beside it, as a crash leaves them.
fn after_crash(site: &DjangoSite, suffix: &str) -> Result<(tempfile::TempDir, std::path::PathBuf)> {
    let folder = tempfile::tempdir()?;
    for suffix in ["", suffix] {
        let name = format!("oc-lettings-site.sqlite3{suffix}");
        std::fs::copy(site.folder().join(&name), folder.path().join(&name))?;
    }
    let path = folder.path().join("oc-lettings-site.sqlite3");
    Ok((folder, path))
}

#[test]
fn uncommitted_changes_of_another_program_are_not_read() -> Result<()> {
    let mut site = DjangoSite::new(Edition::Split)?;
    site.sql("BEGIN IMMEDIATE; UPDATE lettings_letting SET title = 'Not yet' WHERE id = 7;")?;

    assert_eq!(title(&site.path())?, "'Silo' & <Studio>");
    Ok(())
}

#[test]
fn the_write_ahead_log_is_read() -> Result<()> {
    let mut site = DjangoSite::new(Edition::Split)?;
    site.sql(
        "PRAGMA journal_mode = WAL; UPDATE lettings_letting SET title = 'In the log' WHERE id = 7;",
    )?;
    let (_folder, left_behind) = after_crash(&site, "-wal")?;

    assert_eq!(title(&site.path())?, "In the log");
    assert_eq!(title(&left_behind)?, "In the log");
    Ok(())
}

#[test]
fn an_interrupted_write_is_rolled_back_in_a_copy() -> Result<()> {
    let mut site = DjangoSite::new(Edition::Split)?;
    // More than the cache, so that half of it is in the file.
    site.sql(
        "PRAGMA cache_size = 2; PRAGMA cache_spill = 1; BEGIN IMMEDIATE; \
         UPDATE lettings_letting SET title = 'Half done' WHERE id = 7; \
         CREATE TABLE filler (text); \
         WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000) \
         INSERT INTO filler SELECT hex(randomblob(100)) FROM n;",
    )?;
    let (_folder, left_behind) = after_crash(&site, "-journal")?;

    assert_eq!(title(&left_behind)?, "'Silo' & <Studio>");
    Ok(())
}

#[test]
fn a_locked_database_is_reported_as_in_use() -> Result<()> {
    let mut site = DjangoSite::new(Edition::Split)?;
    site.sql("BEGIN EXCLUSIVE")?;

    let reason = rejection(&site.path());

    assert!(
        reason.contains("it is in use") && reason.contains("stop the old site"),
        "{reason}"
    );
    Ok(())
}

#[test]
fn a_damaged_database_is_reported_as_damaged() -> Result<()> {
    let site = DjangoSite::new(Edition::Split)?;
    let mut bytes = std::fs::read(site.path())?;
    // Everything after the schema.
    bytes[4096..].fill(0xaa);
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("damaged.sqlite3");
    std::fs::write(&path, bytes)?;

    let reason = rejection(&path);

    assert!(reason.contains("it is damaged"), "{reason}");
    Ok(())
}

#[test]
fn a_database_in_utf_16_is_imported() -> Result<()> {
    for encoding in ["UTF-16le", "UTF-16be"] {
        let settings = format!("PRAGMA encoding = '{encoding}'");
        let mut site = DjangoSite::create(Edition::Split, "lettings", "profiles", &settings)?;
        site.add_rows("lettings", "profiles")?;
        let db = TestDb::sqlite()?;

        imported(&db, &site.path())?;

        let conn = &mut db.connect()?;
        assert_eq!(Letting::with_address(conn, 7)?.0.title, "'Silo' & <Studio>");
        assert!(accounts::User::find_by_username(conn, "Жанна").is_ok());
    }
    Ok(())
}

#[test]
fn a_path_may_contain_the_special_characters_of_a_uri() -> Result<()> {
    let site = DjangoSite::new(Edition::Split)?;
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("50% ?mode=rw#é.sqlite3");
    std::fs::copy(site.path(), &path)?;

    assert_eq!(title(&path)?, "'Silo' & <Studio>");
    Ok(())
}

#[test]
fn a_file_is_not_imported_into_itself() -> Result<()> {
    let site = DjangoSite::new(Edition::Split)?;
    let before = files(site.folder())?;
    let url = DatabaseUrl::Sqlite(site.folder().join("./oc-lettings-site.sqlite3"));

    let rejected = import(&Input::open(&site.path())?, Options::default(), &url);

    assert!(rejected.is_err_and(|error| error.to_string().contains("DATABASE_URL")));
    assert!(files(site.folder())? == before);
    Ok(())
}

#[test]
fn a_dry_run_reports_the_same_and_writes_nothing() -> Result<()> {
    for db in TestDb::each()? {
        let site = DjangoSite::new(Edition::Split)?;

        let dry_run = run(&db, &site.path(), DRY_RUN)?;

        assert_eq!(Letting::count(&mut db.connect()?)?, 0);
        let report = imported(&db, &site.path())?;
        assert_eq!(dry_run.counts, report.counts);
        assert_eq!(dry_run.warnings, report.warnings);
    }
    Ok(())
}

#[test]
fn a_database_with_rows_is_rejected() -> Result<()> {
    for db in TestDb::each()? {
        let site = DjangoSite::new(Edition::Split)?;
        accounts::testing::user(&mut db.connect()?, "ada")?;

        for options in [DRY_RUN, Options::default()] {
            let rejected = run(&db, &site.path(), options).err();
            let reason = rejected
                .map(|error| format!("{error:#}"))
                .unwrap_or_default();
            assert!(reason.contains("the database is not empty"), "{reason}");
        }
        assert_eq!(Letting::count(&mut db.connect()?)?, 0);
    }
    Ok(())
}
