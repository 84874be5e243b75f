//! What `dumpdata` writes.

use accounts::User;
use anyhow::Result;
use audit::AuditEntry;
use lettings::Letting;
use lettings::testing::{insert_letting, letting_draft};
use oc_core::testing::TestDb;
use profiles::PublicProfile;

use crate::{Options, Outcome};

use super::site::SEA_BREEZE;
use super::{imported, run, table, warns};

/// With numbers for keys, as `dumpdata` writes without options.
const PLAIN: &str = r#"[
 {"model": "contenttypes.contenttype", "pk": 3, "fields": {"app_label": "lettings", "model": "letting"}},
 {"model": "auth.permission", "pk": 12, "fields": {"name": "Can view letting", "content_type": 3, "codename": "view_letting"}},
 {"model": "auth.group", "pk": 3, "fields": {"name": "editors", "permissions": [12]}},
 {"model": "auth.user", "pk": 2, "fields": {"password": "HASH", "last_login": null, "is_superuser": false, "username": "AirWow",
  "first_name": "Ada", "last_name": "Paul", "email": "ada@example.org", "is_staff": true, "is_active": true,
  "date_joined": "2020-06-14T11:44:45+02:00", "groups": [3], "user_permissions": [12], "nickname": "A"}},
 {"model": "lettings.address", "pk": 5, "fields": {"number": 4, "street": "Military Street", "city": "Boston", "state": "MA", "zip_code": 2134, "country_iso_code": "USA"}},
 {"model": "lettings.letting", "pk": 7, "fields": {"title": "Chez Zo\u00e9", "address": 5}},
 {"model": "profiles.profile", "pk": 4, "fields": {"user": 2, "favorite_city": "Budapest"}},
 {"model": "admin.logentry", "pk": 1, "fields": {"action_time": "2020-06-14T09:52:18.053Z", "user": 2, "content_type": 3, "object_id": "7", "object_repr": "Chez", "action_flag": 1, "change_message": "[{\"added\": {}}]"}},
 {"model": "sessions.session", "pk": "s", "fields": {"session_data": "d", "expire_date": "2020-06-28T09:41:56Z"}}
]"#;

/// With `--natural-foreign --natural-primary`, and without content types and permissions.
const NATURAL: &str = r#"[
 {"model": "auth.group", "fields": {"name": "editors", "permissions": [["view_letting", "lettings", "letting"]]}},
 {"model": "auth.user", "fields": {"password": "HASH", "last_login": null, "is_superuser": false, "username": "AirWow",
  "first_name": "Ada", "last_name": "Paul", "email": "ada@example.org", "is_staff": true, "is_active": true,
  "date_joined": "2020-06-14T09:44:45Z", "groups": [["editors"]], "user_permissions": [["view_letting", "lettings", "letting"]]}},
 {"model": "lettings.address", "pk": 5, "fields": {"number": 4, "street": "Military Street", "city": "Boston", "state": "MA", "zip_code": 2134, "country_iso_code": "USA"}},
 {"model": "lettings.letting", "pk": 7, "fields": {"title": "Chez Zoé", "address": 5}},
 {"model": "profiles.profile", "pk": 4, "fields": {"user": ["AirWow"], "favorite_city": "Budapest"}},
 {"model": "admin.logentry", "pk": 1, "fields": {"action_time": "2020-06-14T09:52:18.053Z", "user": ["AirWow"], "content_type": ["lettings", "letting"], "object_id": "7", "object_repr": "Chez", "action_flag": 1, "change_message": "[{\"added\": {}}]"}}
]"#;

/// A dump in a file; the folder goes with the first value.
fn file(bytes: &[u8]) -> Result<(tempfile::TempDir, std::path::PathBuf)> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("dump.json");
    std::fs::write(&path, bytes)?;
    Ok((folder, path))
}

#[test]
fn a_dump_brings_the_site_by_numbers_and_by_natural_keys() -> Result<()> {
    for dump in [PLAIN, NATURAL] {
        let (_folder, path) = file(dump.replace("HASH", SEA_BREEZE).as_bytes())?;
        for db in TestDb::each()? {
            let report = imported(&db, &path)?;

            let conn = &mut db.connect()?;
            let (letting, address) = Letting::with_address(conn, 7)?;
            assert_eq!(
                (letting.title.as_str(), address.zip()),
                ("Chez Zoé", "02134".to_owned())
            );
            let ada = User::find_by_username(conn, "AirWow")?;
            assert_eq!(ada.date_joined.to_string(), "2020-06-14 09:44:45");
            assert_eq!(User::rights(conn, ada.id)?, ["lettings.view_letting"]);
            assert_eq!(User::groups(conn, ada.id)?.len(), 1);
            assert_eq!(
                PublicProfile::find(conn, "AirWow")?.favorite_city,
                "Budapest"
            );
            let lines = AuditEntry::for_object(conn, "lettings.letting", 7)?;
            assert_eq!(
                (lines[0].username.as_str(), lines[0].description.as_str()),
                ("AirWow", "Added.")
            );
            assert_eq!(warns(&report, &["no id"]), dump == NATURAL, "{report}");
            assert_eq!(table(&report, "group_rights").imported, 1);
        }
    }
    Ok(())
}

#[test]
fn other_models_and_fields_of_a_dump_are_named() -> Result<()> {
    let (_folder, path) = file(PLAIN.as_bytes())?;

    let report = run(&TestDb::sqlite()?, &path, Options::default())?;

    assert_eq!(report.tables_left_alone[0].table, "sessions.session");
    assert_eq!(report.columns_left_alone, ["auth.user.nickname"]);
    Ok(())
}

#[test]
fn a_dump_may_be_in_utf_16_as_some_shells_write_it() -> Result<()> {
    let mut bytes = vec![0xff, 0xfe];
    let text = NATURAL.replace("HASH", SEA_BREEZE);
    bytes.extend(text.encode_utf16().flat_map(u16::to_le_bytes));
    let (_folder, path) = file(&bytes)?;
    let db = TestDb::sqlite()?;

    imported(&db, &path)?;

    assert_eq!(
        Letting::with_address(&mut db.connect()?, 7)?.0.title,
        "Chez Zoé"
    );
    Ok(())
}

#[test]
fn a_row_of_a_dump_that_breaks_a_rule_is_named() -> Result<()> {
    let dump = PLAIN.replace(
        r#""user": 2, "favorite_city""#,
        r#""user": ["nobody"], "favorite_city""#,
    );
    let dump = dump.replace("Military", "Mili\\u0000tary");
    let (_folder, path) = file(dump.as_bytes())?;

    let report = run(&TestDb::sqlite()?, &path, Options::default())?;

    assert!(matches!(report.outcome, Outcome::Refused(_)), "{report}");
    let told: Vec<(&str, &str)> = report
        .problems
        .iter()
        .map(|problem| (problem.table.as_str(), problem.column.as_str()))
        .collect();
    assert_eq!(
        told,
        [
            ("lettings_address", "street"),
            ("lettings_letting", "address_id"),
            ("profiles_profile", "user_id")
        ]
    );
    Ok(())
}

#[test]
fn a_model_without_rows_is_not_in_a_dump() -> Result<()> {
    let users: String = PLAIN
        .lines()
        .filter(|line| !line.contains("lettings.") && !line.contains("profiles."))
        .collect();
    let (_folder, path) = file(users.replace("HASH", SEA_BREEZE).as_bytes())?;
    let db = TestDb::sqlite()?;

    let report = imported(&db, &path)?;

    assert!(
        warns(&report, &["There is no letting in the dump"]),
        "{report}"
    );
    assert_eq!(table(&report, "users").imported, 1);
    Ok(())
}

#[test]
fn the_id_of_a_row_that_was_left_out_is_not_given_out_again() -> Result<()> {
    let dump = PLAIN.replace("\"pk\": 7, \"fields\"", "\"pk\": 70, \"fields\"");
    let dump = dump.replace("\"address\": 5}", "\"address\": 6}");
    let (_folder, path) = file(dump.replace("HASH", SEA_BREEZE).as_bytes())?;
    let options = Options {
        skip_bad: true,
        ..Options::default()
    };
    for db in TestDb::each()? {
        let report = run(&db, &path, options)?;

        assert_eq!(table(&report, "lettings").skipped, 1, "{report}");
        let conn = &mut db.connect()?;
        let later = insert_letting(conn, &letting_draft("Later", 5))?;
        assert_eq!(later, 71);
    }
    Ok(())
}
