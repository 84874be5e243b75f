//! What is refused, and what a failure leaves behind.

use anyhow::Result;
use diesel::connection::SimpleConnection;
use oc_core::DatabaseUrl;
use oc_core::testing::TestDb;

use super::{backup, content, count, filled, restore};
use crate::archive::Archive;
use crate::batch::{Batch, Digest};
use crate::table::{Header, Table};
use crate::{Occupied, Snapshot, Source, load};

fn message<T>(result: Result<T>) -> String {
    result
        .err()
        .map(|error| format!("{error:#}"))
        .unwrap_or_default()
}

#[test]
fn a_database_with_rows_is_refused_and_replaced_only_when_told_so() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let path = backup(&filled()?[0], &folder, "backup")?;
    for db in TestDb::each()? {
        let mut conn = db.connect()?;
        oc_core::testing::user(&mut conn, "stays")?;

        let refused = message(restore(&db, &path, Occupied::Refuse));
        assert!(refused.contains("rows in the table users: 1"), "{refused}");
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
    let url = DatabaseUrl::Sqlite(folder.path().join("new.sqlite3"));

    let mut conn = oc_core::open(&url)?;
    load(&mut conn, &mut Archive::open(&path)?, Occupied::Refuse)?;

    assert_eq!(count(&mut conn, "lettings")?, 2);
    Ok(())
}

/// A source that says something else than what it has, or fails in the middle.
struct Tampered<'a> {
    inner: Snapshot<'a>,
    header: Header,
    fails_at: Option<&'static str>,
    lies_at: Option<&'static str>,
}

impl Source for Tampered<'_> {
    fn header(&self) -> &Header {
        &self.header
    }

    fn rows(&mut self, table: &Table, take: &mut dyn FnMut(Batch) -> Result<()>) -> Result<Digest> {
        if self.fails_at == Some(table.name.as_str()) {
            anyhow::bail!("the source failed");
        }
        let mut digest = self.inner.rows(table, take)?;
        if self.lies_at == Some(table.name.as_str()) {
            digest.sha256 = "0".repeat(64);
        }
        Ok(digest)
    }

    fn finish(&mut self) -> Result<()> {
        self.inner.finish()
    }
}

#[test]
fn a_failure_in_the_middle_leaves_the_database_as_it_was() -> Result<()> {
    let from = filled()?.remove(0);
    for db in TestDb::each()? {
        let mut conn = db.connect()?;
        oc_core::testing::user(&mut conn, "stays")?;
        for (fails_at, lies_at, reason) in [
            (Some("profiles"), None, "the source failed"),
            (None, Some("lettings"), "does not hold what was written"),
        ] {
            let mut source = from.connect()?;
            let inner = Snapshot::new(&mut source, "")?;
            let header = inner.header().clone();
            let mut tampered = Tampered {
                inner,
                header,
                fails_at,
                lies_at,
            };

            let refused = message(load(&mut conn, &mut tampered, Occupied::Replace));

            assert!(refused.contains(reason), "{refused}");
            assert_eq!(count(&mut conn, "users WHERE username = 'stays'")?, 1);
            assert_eq!(count(&mut conn, "users")?, 1);
            assert_eq!(count(&mut conn, "addresses")?, 0);
        }
    }
    Ok(())
}

#[test]
fn rows_of_an_older_version_get_defaults_and_of_a_newer_one_are_refused() -> Result<()> {
    let from = filled()?.remove(0);
    for db in TestDb::each()? {
        let mut source = from.connect()?;
        let inner = Snapshot::new(&mut source, "")?;
        let mut header = inner.header().clone();
        header.migrations.pop();
        header.tables.retain(|table| table.name != "profiles");
        for table in &mut header.tables {
            table.columns.retain(|column| column.name != "is_staff");
        }
        let mut tampered = Tampered {
            inner,
            header,
            fails_at: None,
            lies_at: None,
        };
        let mut conn = db.connect()?;

        load(&mut conn, &mut tampered, Occupied::Refuse)?;
        assert_eq!(count(&mut conn, "users WHERE NOT is_staff")?, 3);
        assert_eq!(count(&mut conn, "lettings")?, 2);

        tampered.header.migrations.push("29990101000000".to_owned());
        let newer = message(load(&mut conn, &mut tampered, Occupied::Replace));
        assert!(newer.contains("29990101000000"), "{newer}");
        tampered.header.migrations.pop();
        tampered.header.tables[0].columns[0].name = "colour".to_owned();
        let unknown = message(load(&mut conn, &mut tampered, Occupied::Replace));
        assert!(unknown.contains("no column colour"), "{unknown}");
        assert_eq!(count(&mut conn, "users")?, 3);
    }
    Ok(())
}

#[test]
fn of_a_newer_database_everything_is_backed_up_and_nothing_is_replaced() -> Result<()> {
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

        let mut conn = db.connect()?;
        let mut older = filled()?.remove(0).connect()?;
        let refused = message(load(
            &mut conn,
            &mut Snapshot::new(&mut older, "")?,
            Occupied::Replace,
        ));
        assert!(refused.contains("newer than this program"), "{refused}");
    }
    Ok(())
}
