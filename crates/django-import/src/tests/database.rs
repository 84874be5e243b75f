//! The file as it lies there: in use, with a log beside it, after a crash. It is never written.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Result;
use lettings::Letting;
use oc_core::DatabaseUrl;
use oc_core::testing::TestDb;
use sha2::{Digest, Sha256};

use super::site::{DjangoSite, Edition};
use super::{Options, import, imported, run};

/// The files of a folder, and what they hold.
fn files(folder: &Path) -> Result<BTreeMap<String, String>> {
    let mut files = BTreeMap::new();
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let hash = hex::encode(Sha256::digest(std::fs::read(entry.path())?));
        files.insert(entry.file_name().to_string_lossy().into_owned(), hash);
    }
    Ok(files)
}

/// The title of letting 7 in the database that a file was imported into, and no trace beside the file.
fn title(path: &Path) -> Result<String> {
    let folder = path.parent().expect("the file is in a folder");
    let before = files(folder)?;
    let db = TestDb::sqlite()?;
    imported(&db, path)?;
    assert_eq!(files(folder)?, before);
    Ok(Letting::with_address(&mut db.connect()?, 7)?.0.title)
}

#[test]
fn a_file_is_read_while_another_program_writes_to_it() -> Result<()> {
    let mut site = DjangoSite::new(Edition::Split)?;
    site.sql("BEGIN IMMEDIATE; UPDATE lettings_letting SET title = 'Not yet' WHERE id = 7;")?;

    assert_eq!(title(&site.path())?, "'Silo' & <Studio>");
    Ok(())
}

#[test]
fn what_stands_in_the_write_ahead_log_alone_is_read_too() -> Result<()> {
    let mut site = DjangoSite::new(Edition::Split)?;
    site.sql(
        "PRAGMA journal_mode = WAL; UPDATE lettings_letting SET title = 'In the log' WHERE id = 7;",
    )?;
    assert!(site.folder().join("oc-lettings-site.sqlite3-wal").exists());

    assert_eq!(title(&site.path())?, "In the log");
    Ok(())
}

#[test]
fn a_log_without_its_index_is_read_too() -> Result<()> {
    let mut site = DjangoSite::new(Edition::Split)?;
    site.sql(
        "PRAGMA journal_mode = WAL; UPDATE lettings_letting SET title = 'In the log' WHERE id = 7;",
    )?;
    let folder = tempfile::tempdir()?;
    for suffix in ["", "-wal"] {
        let name = format!("oc-lettings-site.sqlite3{suffix}");
        std::fs::copy(site.folder().join(&name), folder.path().join(&name))?;
    }

    assert_eq!(
        title(&folder.path().join("oc-lettings-site.sqlite3"))?,
        "In the log"
    );
    Ok(())
}

#[test]
fn a_write_that_a_crash_broke_off_is_taken_back_in_a_copy() -> Result<()> {
    let mut site = DjangoSite::new(Edition::Split)?;
    // Too much for the cache, so that half of it is in the file when the copy is taken.
    site.sql(
        "PRAGMA cache_size = 2; PRAGMA cache_spill = 1; BEGIN IMMEDIATE; \
         UPDATE lettings_letting SET title = 'Half done' WHERE id = 7; \
         CREATE TABLE filler (text); \
         WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000) \
         INSERT INTO filler SELECT hex(randomblob(100)) FROM n;",
    )?;
    let folder = tempfile::tempdir()?;
    for suffix in ["", "-journal"] {
        let name = format!("oc-lettings-site.sqlite3{suffix}");
        std::fs::copy(site.folder().join(&name), folder.path().join(&name))?;
    }

    assert_eq!(
        title(&folder.path().join("oc-lettings-site.sqlite3"))?,
        "'Silo' & <Studio>"
    );
    Ok(())
}

#[test]
fn a_path_may_hold_signs_that_mean_something_to_sqlite() -> Result<()> {
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

    let refused = import(&site.path(), Options::default(), &url, &|| {
        anyhow::bail!("the database was opened")
    });

    assert!(refused.is_err_and(|error| error.to_string().contains("DATABASE_URL")));
    assert_eq!(files(site.folder())?, before);
    Ok(())
}

#[test]
fn a_dry_run_tells_the_same_and_writes_nothing() -> Result<()> {
    for db in TestDb::each()? {
        let site = DjangoSite::new(Edition::Split)?;
        let options = Options {
            dry_run: true,
            ..Options::default()
        };

        let tried = run(&db, &site.path(), options)?;

        assert_eq!(Letting::count(&mut db.connect()?)?, 0);
        let done = imported(&db, &site.path())?;
        assert_eq!(tried.tables, done.tables);
        assert_eq!(
            (tried.warnings, tried.fingerprint),
            (done.warnings, done.fingerprint)
        );
    }
    Ok(())
}
