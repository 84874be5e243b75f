//! What `dumpdata` writes.

use std::path::PathBuf;

use accounts::User;
use anyhow::Result;
use audit::AuditEntry;
use lettings::Letting;
use lettings::testing::{insert_letting, letting_draft};
use oc_core::testing::TestDb;
use profiles::PublicProfile;
use proptest::prelude::*;

use super::site::SEA_BREEZE;
use super::{Outcome, SKIP_BAD, checked, counts, imported, run};

/// With ids, as `dumpdata` writes without options: referring objects come first.
const PLAIN: &str = r#"[
 {"model": "admin.logentry", "pk": 1, "fields": {"action_time": "2020-06-14T09:52:18.053Z", "user": 2, "content_type": 3, "object_id": "7", "object_repr": "Chez", "action_flag": 1, "change_message": "[{\"added\": {}}]"}},
 {"model": "auth.permission", "pk": 12, "fields": {"name": "Can view letting", "content_type": 3, "codename": "view_letting"}},
 {"model": "auth.group", "pk": 3, "fields": {"name": "editors", "permissions": [12]}},
 {"model": "auth.user", "pk": 2, "fields": {"password": "HASH", "last_login": null, "is_superuser": false, "username": "AirWow",
  "first_name": "Ada", "last_name": "Paul", "email": "ada@example.org", "is_staff": true, "is_active": true,
  "date_joined": "2020-06-14T11:44:45+02:00", "groups": [3], "user_permissions": [12], "nickname": "A"}},
 {"model": "contenttypes.contenttype", "pk": 3, "fields": {"app_label": "lettings", "model": "letting"}},
 {"model": "lettings.letting", "pk": 7, "fields": {"title": "Chez Zo\u00e9", "address": 5}},
 {"model": "lettings.address", "pk": 5, "fields": {"number": 4, "street": "Military Street", "city": "Boston", "state": "MA", "zip_code": 2134, "country_iso_code": "USA"}},
 {"model": "profiles.profile", "pk": 4, "fields": {"user": 2, "favorite_city": "Budapest"}},
 {"model": "sessions.session", "pk": "s", "fields": {"session_data": "d", "expire_date": "2020-06-28T09:41:56Z"}}
]"#;

/// With `--natural-foreign`, and without content types and permissions.
const NATURAL: &str = r#"[
 {"model": "auth.group", "pk": 3, "fields": {"name": "editors", "permissions": [["view_letting", "lettings", "letting"]]}},
 {"model": "auth.user", "pk": 2, "fields": {"password": "HASH", "last_login": null, "is_superuser": false, "username": "AirWow",
  "first_name": "Ada", "last_name": "Paul", "email": "ada@example.org", "is_staff": true, "is_active": true,
  "date_joined": "2020-06-14T09:44:45Z", "groups": [["editors"]], "user_permissions": [["view_letting", "lettings", "letting"]]}},
 {"model": "lettings.address", "pk": 5, "fields": {"number": 4, "street": "Military Street", "city": "Boston", "state": "MA", "zip_code": 2134, "country_iso_code": "USA"}},
 {"model": "lettings.letting", "pk": 7, "fields": {"title": "Chez Zoé", "address": 5}},
 {"model": "profiles.profile", "pk": 4, "fields": {"user": ["AirWow"], "favorite_city": "Budapest"}},
 {"model": "admin.logentry", "pk": 1, "fields": {"action_time": "2020-06-14T09:52:18.053Z", "user": ["AirWow"], "content_type": ["lettings", "letting"], "object_id": "7", "object_repr": "Chez", "action_flag": 1, "change_message": "[{\"added\": {}}]"}}
]"#;

/// A dump in a file of a temporary folder.
fn file(bytes: &[u8]) -> Result<(tempfile::TempDir, PathBuf)> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("dump.json");
    std::fs::write(&path, bytes)?;
    Ok((folder, path))
}

#[test]
fn ids_and_natural_keys_bring_the_same_site() -> Result<()> {
    for dump in [PLAIN, NATURAL] {
        let (_folder, path) = file(dump.replace("HASH", SEA_BREEZE).as_bytes())?;
        for db in TestDb::each()? {
            let report = imported(&db, &path)?;

            let conn = &mut db.connect()?;
            let (letting, address) = Letting::with_address(conn, 7)?;
            assert_eq!(letting.title, "Chez Zoé");
            assert_eq!(address.zip(), "02134");
            let ada = User::find(conn, 2)?;
            assert_eq!(ada.date_joined.to_string(), "2020-06-14 09:44:45");
            assert_eq!(User::permissions(conn, 2)?, ["lettings.view_letting"]);
            assert_eq!(User::groups(conn, 2)?, [3]);
            assert_eq!(
                PublicProfile::find(conn, "AirWow")?.favorite_city,
                "Budapest"
            );
            let entry = &AuditEntry::for_object(conn, "lettings.letting", 7)?[0];
            assert_eq!(
                (entry.username.as_str(), entry.description.as_str()),
                ("AirWow", "Added.")
            );
            assert_eq!(counts(&report, "permissions"), (2, 2));
        }
    }
    Ok(())
}

/// What settings print is in front: deschler/django-modeltranslation#16, django-haystack/django-haystack#38,
/// ic-labs/django-icekit#200.
#[test]
fn utf_16_byte_order_marks_and_lines_before_the_list_are_read() -> Result<()> {
    let text = NATURAL.replace("HASH", SEA_BREEZE);
    let utf_16 = |to_bytes: fn(u16) -> [u8; 2]| {
        let units = "\u{feff}".encode_utf16().chain(text.encode_utf16());
        units.flat_map(to_bytes).collect::<Vec<u8>>()
    };
    for bytes in [
        utf_16(u16::to_le_bytes),
        utf_16(u16::to_be_bytes),
        format!("\u{feff}{text}").into_bytes(),
        format!("[2026] Loading .env\nMain site registered 2 index(es).\n\n  {text}").into_bytes(),
        format!("# settings\n{}", text.replacen("[\n ", "[", 1)).into_bytes(),
    ] {
        let (_folder, path) = file(&bytes)?;
        let db = TestDb::sqlite()?;

        imported(&db, &path)?;

        assert_eq!(
            Letting::with_address(&mut db.connect()?, 7)?.0.title,
            "Chez Zoé"
        );
    }
    Ok(())
}

#[test]
fn invalid_objects_are_reported_by_model_id_and_field() -> Result<()> {
    let dump = PLAIN
        .replace(
            r#""user": 2, "favorite_city""#,
            r#""user": ["nobody"], "favorite_city""#,
        )
        .replace("Military", "Mili\\u0000tary");
    let (_folder, path) = file(dump.as_bytes())?;

    let report = checked(&path)?;

    assert_eq!(report.outcome, Outcome::Rejected);
    let problems = report.problems.iter();
    let problems: Vec<(&str, &str, &str)> = problems
        .map(|problem| {
            (
                problem.table.as_str(),
                problem.id.as_str(),
                problem.field.as_str(),
            )
        })
        .collect();
    assert_eq!(
        problems,
        [
            ("lettings.address", "5", "street"),
            ("lettings.letting", "7", "address"),
            ("profiles.profile", "4", "user")
        ]
    );
    Ok(())
}

#[test]
fn an_empty_natural_key_refers_to_nothing() -> Result<()> {
    let dump = PLAIN.replace("\"address\": 5}", "\"address\": [\"\"]}");
    let (_folder, path) = file(dump.as_bytes())?;

    let report = checked(&path)?;

    assert_eq!(counts(&report, "lettings"), (1, 0), "{report}");
    Ok(())
}

#[test]
fn objects_that_are_not_imported_are_counted() -> Result<()> {
    let (_folder, path) = file(PLAIN.as_bytes())?;

    let report = checked(&path)?;

    assert_eq!(report.not_imported, [("sessions.session".to_owned(), 1)]);
    Ok(())
}

#[test]
fn a_dump_with_natural_primary_keys_is_rejected_with_the_reason() -> Result<()> {
    let (_folder, path) = file(NATURAL.replace(r#""pk": 2, "#, "").as_bytes())?;

    let report = checked(&path)?;

    assert_eq!(report.outcome, Outcome::Rejected);
    assert!(
        report
            .to_string()
            .contains("dumpdata without --natural-primary"),
        "{report}"
    );
    Ok(())
}

#[test]
fn the_id_of_a_skipped_row_is_not_assigned_again() -> Result<()> {
    let dump = PLAIN.replace("\"pk\": 7, \"fields\"", "\"pk\": 70, \"fields\"");
    let dump = dump.replace("\"address\": 5}", "\"address\": 6}");
    let (_folder, path) = file(dump.replace("HASH", SEA_BREEZE).as_bytes())?;
    for db in TestDb::each()? {
        let report = run(&db, &path, SKIP_BAD)?;

        assert_eq!(counts(&report, "lettings"), (1, 0), "{report}");
        let conn = &mut db.connect()?;
        assert_eq!(insert_letting(conn, &letting_draft("Later", 5))?, 71);
    }
    Ok(())
}

/// JSON that is close to a dump.
fn dump_like() -> impl Strategy<Value = String> {
    let value = prop_oneof![
        Just("null".to_owned()),
        Just("true".to_owned()),
        Just("[[\"view_letting\", \"lettings\", \"letting\"], 12, null, {}]".to_owned()),
        Just("\"2020-06-14T11:44:45+02:00\"".to_owned()),
        any::<i64>().prop_map(|number| number.to_string()),
        any::<f64>().prop_map(|number| format!("{number:?}")),
        any::<String>().prop_map(|text| serde_json::Value::from(text).to_string()),
    ];
    let name = proptest::sample::select(vec![
        "user",
        "address",
        "title",
        "number",
        "username",
        "email",
        "password",
        "groups",
        "content_type",
        "object_id",
        "action_time",
        "codename",
        "permissions",
        "date_joined",
        "is_staff",
    ]);
    let model = proptest::sample::select(vec![
        "auth.user",
        "auth.group",
        "auth.permission",
        "contenttypes.contenttype",
        "admin.logentry",
        "lettings.letting",
        "lettings.address",
        "profiles.profile",
        "blog.post",
    ]);
    let fields = proptest::collection::vec((name, value.clone()), 0..6);
    let object = (model, value, fields).prop_map(|(model, pk, fields)| {
        let fields: Vec<String> = fields
            .iter()
            .map(|(name, value)| format!("\"{name}\": {value}"))
            .collect();
        format!(
            r#"{{"model": "{model}", "pk": {pk}, "fields": {{{}}}}}"#,
            fields.join(", ")
        )
    });
    proptest::collection::vec(object, 1..12)
        .prop_map(|objects| format!("[{}]", objects.join(",\n")))
}

#[test]
fn no_dump_makes_the_reader_panic() -> Result<()> {
    let config = ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::default()
    };
    let (_folder, path) = file(b"")?;
    let bytes = prop_oneof![
        dump_like().prop_map(String::into_bytes),
        (any::<usize>(), any::<Vec<u8>>()).prop_map(|(at, piece)| {
            let mut bytes = PLAIN.as_bytes().to_vec();
            let at = at % bytes.len();
            bytes.splice(at..(at + 3).min(PLAIN.len()), piece);
            bytes
        }),
    ];
    proptest!(config, |(bytes in bytes)| {
        std::fs::write(&path, &bytes).expect("the file can be written");
        // Rejected as a whole, or row by row.
        if let Ok(report) = checked(&path) {
            prop_assert!(report.counts.values().all(|counts| counts.imported <= counts.read));
        }
    });
    Ok(())
}

#[test]
fn deep_nesting_is_rejected_and_not_followed() -> Result<()> {
    let (_folder, path) = file("[".repeat(1_000_000).as_bytes())?;

    assert!(checked(&path).is_err());
    Ok(())
}
