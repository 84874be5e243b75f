//! `import-django` on the command line; the tests of the crate `django-import` cover the files.

use accounts::User;
use anyhow::Result;
use lettings::Letting;
use oc_core::testing::TestDb;

use super::program::{Program, setting};
use crate::admin::Browser;
use crate::support::{TestSite, assert_contains, assert_contains_all};

/// A superuser (password “Sea breeze 42”), a letting, and its history.
const DUMP: &str = r#"[
 {"model": "auth.user", "pk": 3, "fields": {"username": "boss", "first_name": "", "last_name": "", "email": "", "last_login": null,
  "password": "pbkdf2_sha256$1200$saltsaltsalt$8TtVvcM/X1bNKYi7S+EBwfglV6bCX9jJWKXHP0AlFV4=",
  "is_superuser": true, "is_staff": true, "is_active": true, "date_joined": "2020-06-14T09:44:45Z"}},
 {"model": "lettings.address", "pk": 5, "fields": {"number": 4, "street": "Gull Lane", "city": "Boston", "state": "MA", "zip_code": 2134, "country_iso_code": "USA"}},
 {"model": "lettings.letting", "pk": 7, "fields": {"title": "Lakeside flat", "address": 5}},
 {"model": "profiles.profile", "pk": 4, "fields": {"user": ["boss"], "favorite_city": "Budapest"}},
 {"model": "admin.logentry", "pk": 1, "fields": {"action_time": "2020-06-14T09:52:18.053Z", "user": ["boss"], "content_type": ["lettings", "letting"], "object_id": "7", "object_repr": "Lakeside flat", "action_flag": 1, "change_message": "[{\"added\": {}}]"}},
 {"model": "admin.logentry", "pk": 2, "fields": {"action_time": "2020-06-15T09:52:18Z", "user": ["boss"], "content_type": ["lettings", "letting"], "object_id": "7", "object_repr": "Lakeside flat", "action_flag": 2, "change_message": "[{\"changed\": {\"fields\": [\"Title\", \"Address\"]}}]"}},
 {"model": "admin.logentry", "pk": 3, "fields": {"action_time": "2020-06-16T09:52:18Z", "user": ["boss"], "content_type": ["lettings", "letting"], "object_id": "9", "object_repr": "Gone", "action_flag": 3, "change_message": ""}}
]"#;

/// A program with this dump in its folder.
fn program(settings: &[(&str, &str)], dump: &str) -> Result<Program> {
    let program = Program::with(settings)?;
    std::fs::write(program.folder().join("site.json"), dump)?;
    Ok(program)
}

#[test]
fn a_dry_run_creates_no_database() -> Result<()> {
    let program = program(&[], DUMP)?;

    let run = program.run(&["import-django", "site.json", "--dry-run"])?;

    run.assert_succeeded();
    assert_contains(&run.out, "would import 7 rows");
    assert!(!program.folder().join("oc-lettings.sqlite3").exists());
    Ok(())
}

#[test]
fn a_second_import_is_rejected_with_a_hint() -> Result<()> {
    for db in TestDb::each()? {
        let program = program(&[("DATABASE_URL", &setting(&db))], DUMP)?;

        let first = program.run(&["import-django", "site.json"])?;
        let second = program.run(&["import-django", "site.json"])?;

        first.assert_succeeded();
        assert_contains(&first.out, "Imported 7 rows.");
        second.assert_failed("the database is not empty | hint: Use a new database");
        assert_eq!(Letting::count(&mut db.connect()?)?, 1);
    }
    Ok(())
}

#[test]
fn an_invalid_row_is_reported_and_no_database_is_created() -> Result<()> {
    let program = program(&[], &DUMP.replace("2134", "213400"))?;

    let run = program.run(&["import-django", "site.json"])?;

    assert_eq!(run.code, Some(1));
    let words = "lettings.address 5, zip_code: Zip code must be between 0 and 99999.";
    assert_contains(&run.out, words);
    let mut lines = run.errors.lines();
    let error = "error: nothing was imported: site.json has problems (2)";
    assert_eq!(lines.next(), Some(error));

    assert!(lines.next().is_some_and(|line| line.contains("--skip-bad")));
    assert!(!program.folder().join("oc-lettings.sqlite3").exists());
    Ok(())
}

#[test]
fn imported_pages_passwords_and_history_are_on_the_site() -> Result<()> {
    for db in TestDb::each()? {
        let run = program(&[("DATABASE_URL", &setting(&db))], DUMP)?
            .run(&["import-django", "site.json"])?;
        run.assert_succeeded();
        let site = TestSite::on(db)?;

        let letting = site.page_text("/lettings/7/")?;
        let mut browser = Browser::new(&site);
        let login = browser.log_in("boss", "Sea breeze 42")?;
        let history = browser.page_text("/admin/lettings/letting/7/history/")?;
        let gone = browser.page_text("/admin/lettings/letting/9/history/")?;

        assert_contains(&letting, "Boston, MA 02134");
        assert_eq!(login.status, 303);
        let boss = User::find_by_username(&mut site.database()?, "boss")?;
        assert!(boss.password.starts_with("$argon2id$"), "hashed anew");
        assert_contains(&history, "2020-06-14 09:52:18 UTC");
        assert_contains(&history, "Changed Title and Address.");
        assert_contains_all(&gone, "History of Gone | Deleted.");
    }
    Ok(())
}
