//! A SQLite file, or its log, that is taken away under the running site: nothing is acknowledged that is not stored.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::admin::Browser;
use crate::support::{TestSite, letting};

/// The file with what lies beside it.
fn files(file: &Path) -> [PathBuf; 3] {
    ["", "-wal", "-shm"].map(|ending| PathBuf::from(format!("{}{ending}", file.display())))
}

fn add_address(browser: &mut Browser<'_>) -> Result<crate::http::Answer> {
    let fields = [
        ("number", "12"),
        ("street", "Gull Lane"),
        ("city", "Dana Point"),
        ("state", "CA"),
        ("zip_code", "92629"),
        ("country_iso_code", "USA"),
        ("_save", "1"),
    ];
    browser.fill("/admin/lettings/address/add/", &fields)
}

#[test]
fn nothing_is_saved_into_a_file_that_was_deleted_or_replaced() -> Result<()> {
    for is_replaced in [false, true] {
        let site = TestSite::start()?;
        letting(&mut site.database()?, "Lakeside flat")?;
        let mut boss = Browser::superuser(&site, "boss")?;
        assert_eq!(add_address(&mut boss)?.status, 303);
        let file = site.db().url().file().context("it is no file")?;
        let folder = tempfile::tempdir_in(file.parent().context("it lies nowhere")?)?;
        let kept = folder.path().join("kept.sqlite3");

        for (from, to) in files(&file).iter().zip(files(&kept)) {
            fs::rename(from, to)?;
        }
        if is_replaced {
            fs::copy(&kept, &file)?;
        }
        let refused = add_address(&mut boss)?;
        let (page, ready) = (site.get("/lettings/1/")?, site.get("/readyz")?);
        let is_made_anew = file.exists() && !is_replaced;
        for (from, to) in files(&kept).iter().zip(files(&file)) {
            fs::rename(from, to)?;
        }
        let saved = add_address(&mut boss)?;

        assert_eq!(refused.status, 503);
        assert!(refused.header("retry-after").is_some());
        let told = refused.html()?;
        assert_eq!(told.texts("h1"), ["Changes cannot be saved at the moment"]);
        assert_eq!(page.status, 200);
        assert_eq!(ready.status, 503);
        assert_eq!(ready.json()?["checks"]["database"], "failed");
        assert!(!is_made_anew, "an empty file was made");
        assert_eq!(saved.status, 303, "{}", saved.text()?);
        assert_eq!(site.get("/readyz")?.status, 200);
    }
    Ok(())
}

#[test]
fn nothing_is_saved_into_a_log_that_was_deleted_though_somebody_makes_another() -> Result<()> {
    let site = TestSite::start()?;
    let mut boss = Browser::superuser(&site, "boss")?;
    assert_eq!(add_address(&mut boss)?.status, 303);
    let file = site.db().url().file().context("it is no file")?;
    let [_, log, index] = files(&file);

    fs::remove_file(&log)?;
    fs::remove_file(index)?;
    let ready = site.get("/readyz")?;
    let refused = add_address(&mut boss)?;
    let _another = site.database()?;
    let is_made_anew = log.exists();
    let refused_again = add_address(&mut boss)?;

    assert_eq!(ready.status, 503);
    assert_eq!(ready.json()?["checks"]["database"], "failed");
    assert_eq!(refused.status, 503);
    assert!(is_made_anew);
    assert_eq!(refused_again.status, 503);
    let told = refused_again.html()?;
    assert_eq!(told.texts("h1"), ["Changes cannot be saved at the moment"]);
    assert_eq!(site.get("/lettings/")?.status, 200);
    Ok(())
}
