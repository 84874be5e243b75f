//! Rejected transfers, and what a failure leaves behind.

use anyhow::Result;
use diesel::connection::SimpleConnection;
use oc_core::DatabaseUrl;
use oc_core::testing::TestDb;

use super::{backup, content, count, fill, filled, restore};
use crate::archive::Archive;
use crate::digest::Digest;
use crate::table::{Header, Table};
use crate::{Input, Occupied, Snapshot, Source};

fn message<T>(result: Result<T>) -> String {
    result
        .err()
        .map(|error| format!("{error:#}"))
        .unwrap_or_default()
}

#[test]
fn a_database_with_rows_is_only_replaced_with_force() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let path = backup(&filled()?[0], &folder, "backup")?;
    for db in TestDb::each()? {
        let mut conn = db.connect()?;
        super::user(&mut conn, "stays")?;

        let rejected = message(restore(&db, &path, Occupied::Reject));
        assert!(
            rejected.contains("rows in the table users: 1"),
            "{rejected}"
        );
        assert_eq!(count(&mut conn, "lettings")?, 0);

        restore(&db, &path, Occupied::Replace)?;
        assert_eq!(count(&mut conn, "users WHERE username = 'stays'")?, 0);
        assert_eq!(count(&mut conn, "users")?, 3);
    }
    Ok(())
}

#[test]
fn a_brand_new_database_is_migrated_first() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let path = backup(&filled()?[0], &folder, "backup")?;
    let file = folder.path().join("new.sqlite3");
    let url = DatabaseUrl::Sqlite(file.clone());

    fill(
        &url,
        &mut Archive::open(&Input::open(&path)?)?,
        Occupied::Reject,
    )?;

    assert_eq!(count(&mut oc_core::open(&url)?, "lettings")?, 2);
    Ok(())
}

#[test]
fn a_failure_leaves_no_new_database_behind() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let url = DatabaseUrl::Sqlite(folder.path().join("new.sqlite3"));
    let conn = filled()?.remove(0).connect()?;
    let mut source = Tampered::new(Snapshot::new(conn, "")?);
    source.fails_at = Some("profiles");

    assert!(fill(&url, &mut source, Occupied::Reject).is_err());

    assert_eq!(std::fs::read_dir(folder.path())?.count(), 0);
    Ok(())
}

/// A source whose header or digests are wrong, or that fails midway.
struct Tampered {
    inner: Snapshot,
    header: Header,
    fails_at: Option<&'static str>,
    wrong_digest_at: Option<&'static str>,
}

impl Tampered {
    fn new(inner: Snapshot) -> Self {
        Self {
            header: inner.header().clone(),
            inner,
            fails_at: None,
            wrong_digest_at: None,
        }
    }
}

impl Source for Tampered {
    fn header(&self) -> &Header {
        &self.header
    }

    fn rows(
        &mut self,
        table: &Table,
        sink: &mut dyn FnMut(&[String]) -> Result<()>,
    ) -> Result<Digest> {
        if self.fails_at == Some(table.name.as_str()) {
            anyhow::bail!("the source failed");
        }
        let mut digest = self.inner.rows(table, sink)?;
        if self.wrong_digest_at == Some(table.name.as_str()) {
            digest.sha256 = "0".repeat(64);
        }
        Ok(digest)
    }
}

#[test]
fn a_failure_in_the_middle_leaves_the_database_as_it_was() -> Result<()> {
    let from = filled()?.remove(0);
    for db in TestDb::each()? {
        let mut conn = db.connect()?;
        super::user(&mut conn, "stays")?;
        for (fails_at, wrong_digest_at, reason) in [
            (Some("profiles"), None, "the source failed"),
            (None, Some("lettings"), "differ from what was written"),
        ] {
            let mut tampered = Tampered::new(Snapshot::new(from.connect()?, "")?);
            tampered.fails_at = fails_at;
            tampered.wrong_digest_at = wrong_digest_at;

            let rejected = message(fill(db.url(), &mut tampered, Occupied::Replace));

            assert!(rejected.contains(reason), "{rejected}");
            assert_eq!(count(&mut conn, "users WHERE username = 'stays'")?, 1);
            assert_eq!(count(&mut conn, "users")?, 1);
            assert_eq!(count(&mut conn, "addresses")?, 0);
        }
    }
    Ok(())
}

#[test]
fn rows_of_an_older_version_get_defaults_and_rows_of_a_newer_one_are_rejected() -> Result<()> {
    let from = filled()?.remove(0);
    for db in TestDb::each()? {
        let mut tampered = Tampered::new(Snapshot::new(from.connect()?, "")?);
        let header = &mut tampered.header;
        header.migrations.pop();
        header.tables.retain(|table| table.name != "profiles");
        for table in &mut header.tables {
            table.columns.retain(|column| column.name != "is_staff");
        }
        let mut conn = db.connect()?;

        fill(db.url(), &mut tampered, Occupied::Reject)?;
        assert_eq!(count(&mut conn, "users WHERE NOT is_staff")?, 3);
        assert_eq!(count(&mut conn, "lettings")?, 2);

        tampered.header.migrations.push("29990101000000".to_owned());
        let newer = message(fill(db.url(), &mut tampered, Occupied::Replace));
        assert!(newer.contains("29990101000000"), "{newer}");
        tampered.header.migrations.pop();
        tampered.header.tables[0].columns[0].name = "colour".to_owned();
        let unknown = message(fill(db.url(), &mut tampered, Occupied::Replace));
        assert!(unknown.contains("no column colour"), "{unknown}");
        assert_eq!(count(&mut conn, "users")?, 3);
    }
    Ok(())
}

#[test]
fn a_newer_database_is_backed_up_in_full_and_never_replaced() -> Result<()> {
    let folder = tempfile::tempdir()?;
    for (i, db) in filled()?.iter().enumerate() {
        db.connect()?.batch_execute(
            "CREATE TABLE bookings (name TEXT PRIMARY KEY NOT NULL);
             INSERT INTO bookings (name) VALUES ('Lakeside flat');
             INSERT INTO __diesel_schema_migrations (version) VALUES ('29990101000000');
             INSERT INTO compatible_migrations (version, since)
                 SELECT '29990101000000', max(version) FROM __diesel_schema_migrations WHERE version < '2999'",
        )?;

        let path = backup(db, &folder, &i.to_string())?;
        let (tables, _) = content(&path)?;
        assert!(
            tables
                .iter()
                .any(|table| table.name == "bookings" && table.rows == 1)
        );

        let older = filled()?.remove(0).connect()?;
        let rejected = message(fill(
            db.url(),
            &mut Snapshot::new(older, "")?,
            Occupied::Replace,
        ));
        assert!(rejected.contains("newer than this program"), "{rejected}");
    }
    Ok(())
}
