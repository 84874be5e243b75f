//! Whole transfers between both databases.

use std::path::{Path, PathBuf};

use anyhow::Result;
use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sql_types::BigInt;
use oc_core::testing::TestDb;
use oc_core::{DatabaseUrl, DbConnection};
use tempfile::TempDir;

use super::archive::{self, Archive};
use super::digest::Digest;
use super::table::Table;
use super::{Input, Occupied, ReferenceSchema, Snapshot, Source, Target, load};

mod rejection;

/// Values that are easily damaged: quotes, other scripts, empty text, NULL, leading zeros, large ids, odd timestamps.
const ROWS: &str = r#"
INSERT INTO users (id, username, password, first_name, email, is_staff, last_login, date_joined) VALUES
    (1, 'ada', 'argon2$"x"', 'O''Hara \ "the" [1,2]', 'ada@example.org', TRUE, NULL, '2026-03-01 09:00:00'),
    (9007199254740993, 'Жанна', '!', 'line
feed	tab', '', FALSE, '2026-03-01 09:00:00.123456', '0999-12-31 23:59:59.5'),
    (4611686018427387904, '日本😀', '!', '', '', FALSE, '2026-03-01 09:00:00.100', '2026-03-01 09:00:00.000');
INSERT INTO profiles (user_id, favorite_city, show_email) VALUES (1, '', TRUE), (9007199254740993, '007', FALSE);
INSERT INTO addresses (number, street, city, state, zip_code, country_iso_code) VALUES
    (0, 'null', '{"a":1}', 'MA', 2134, 'USA'), (9999, '%_$1 ?', 'é', '¿¡', 0, 'ÅÄÖ'), (1, 'gone', 'x', 'CA', 1, 'USA');
INSERT INTO lettings (title, address_id, created_at, updated_at) VALUES
    ('</script>', 1, '2026-03-01 09:00:00', '2026-03-01 09:00:01'),
    ('b', 2, '2026-03-01 09:00:02', '2026-03-01 09:00:03'),
    ('gone', 3, '2026-03-01 09:00:02', '2026-03-01 09:00:03');
DELETE FROM addresses WHERE id = 3;
INSERT INTO groups (id, name) VALUES (2, 'Equipe Été');
INSERT INTO user_groups (user_id, group_id) VALUES (1, 2);
INSERT INTO user_rights (user_id, code) VALUES (1, 'b'), (1, 'a'), (9007199254740993, 'B'), (1, '_');
INSERT INTO changes (changed_at, username, model, title, action, before) VALUES
    ('2026-03-01 09:00:00.001', 'ada', 'a.b', '', 'Added.', '{"title":["a \" b",null,1.50]}');
"#;

fn filled() -> Result<Vec<TestDb>> {
    let databases = TestDb::each()?;
    for db in &databases {
        db.connect()?.batch_execute(ROWS)?;
    }
    Ok(databases)
}

fn backup(db: &TestDb, folder: &TempDir, name: &str) -> Result<PathBuf> {
    let path = folder.path().join(name);
    archive::write(&path, &mut Snapshot::new(db.connect()?, "")?, false)?;
    Ok(path)
}

fn fill(url: &DatabaseUrl, source: &mut dyn Source, occupied: Occupied) -> Result<()> {
    load(Target::open(url)?, source, occupied)
}

fn restore(db: &TestDb, path: &Path, occupied: Occupied) -> Result<()> {
    fill(db.url(), &mut Archive::open(&Input::open(path)?)?, occupied)
}

/// What every backup of the same rows has in common: the tables and their digests.
fn content(path: &Path) -> Result<(Vec<Table>, Vec<Digest>)> {
    let (header, digests) = Archive::verify(&Input::open(path)?)?;
    Ok((header.tables, digests))
}

fn count(conn: &mut DbConnection, table: &str) -> Result<i64> {
    Ok(diesel::dsl::sql::<BigInt>(&format!("SELECT count(*) FROM {table}")).get_result(conn)?)
}

#[test]
fn a_round_trip_through_every_pair_of_databases_changes_nothing() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let mut contents = Vec::new();
    for (i, from) in filled()?.iter().enumerate() {
        let first = backup(from, &folder, &format!("{i}"))?;
        contents.push(content(&first)?);
        for (j, to) in TestDb::each()?.iter().enumerate() {
            restore(to, &first, Occupied::Reject)?;
            let second = backup(to, &folder, &format!("{i}-{j}"))?;
            for (k, back) in TestDb::each()?.iter().enumerate() {
                restore(back, &second, Occupied::Reject)?;
                contents.push(content(&backup(back, &folder, &format!("{i}-{j}-{k}"))?)?);
            }
        }
    }

    assert!(contents.windows(2).all(|pair| pair[0] == pair[1]));
    assert_eq!(
        contents[0].0.iter().map(|table| table.rows).sum::<u64>(),
        16
    );
    Ok(())
}

#[test]
fn values_are_the_same_after_a_restore() -> Result<()> {
    let folder = tempfile::tempdir()?;
    for (i, from) in filled()?.iter().enumerate() {
        let path = backup(from, &folder, &format!("{i}"))?;
        for to in TestDb::each()? {
            restore(&to, &path, Occupied::Reject)?;

            let (before, after) = (users(&mut from.connect()?)?, users(&mut to.connect()?)?);
            assert_eq!(before, after, "{} to {}", from.url(), to.url());
            assert_eq!(after.len(), 3);
        }
    }
    Ok(())
}

#[test]
fn a_backup_of_the_first_release_can_be_restored() -> Result<()> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/tests/first-release.backup");
    for db in TestDb::each()? {
        restore(&db, &path, Occupied::Reject)?;

        let conn = &mut db.connect()?;
        for (rows, expected) in [
            ("lettings WHERE status = 'published' AND address_shown", 12),
            ("addresses WHERE street = 'Rue de l''Été \"B\"'", 1),
            ("profiles WHERE show_email", 2),
            ("users WHERE last_login = '2026-11-22 08:15:00.123'", 1),
            ("users WHERE is_superuser AND NOT must_change_password", 1),
            ("group_rights WHERE group_id = 2", 2),
            ("user_groups WHERE user_id = 2 AND group_id = 2", 1),
            ("sessions WHERE password_mark = ''", 1),
            ("changes WHERE before LIKE '{\"name\":[\"Gone\"]%'", 1),
        ] {
            assert_eq!(count(conn, rows)?, expected, "{rows}");
        }
        conn.batch_execute("INSERT INTO groups (name) VALUES ('New')")?;
        assert_eq!(count(conn, "groups WHERE id = 3")?, 1, "1 was deleted");
        ReferenceSchema::new()?.check_complete(conn)?;
    }
    Ok(())
}

type UserRow = (
    i64,
    String,
    String,
    bool,
    Option<chrono::NaiveDateTime>,
    chrono::NaiveDateTime,
);

fn users(conn: &mut DbConnection) -> Result<Vec<UserRow>> {
    diesel::table! {
        users (id) {
            id -> Int8,
            username -> Text,
            first_name -> Text,
            is_staff -> Bool,
            last_login -> Nullable<Timestamp>,
            date_joined -> Timestamp,
        }
    }
    Ok(users::table.order(users::id).load(conn)?)
}

#[test]
fn ids_are_never_used_again() -> Result<()> {
    let folder = tempfile::tempdir()?;
    for (i, from) in filled()?.iter().enumerate() {
        let path = backup(from, &folder, &format!("{i}"))?;
        for to in TestDb::each()? {
            let mut conn = to.connect()?;
            // This database assigned more ids than the backup in one table.
            conn.batch_execute(
                "INSERT INTO users (id, username, password) VALUES (1, 'x', '!'); \
                 INSERT INTO profiles (id, user_id) VALUES (40, 1);",
            )?;
            restore(&to, &path, Occupied::Replace)?;
            conn.batch_execute(
                "INSERT INTO addresses (number, street, city, state, zip_code, country_iso_code) \
                     VALUES (1, 'a', 'b', 'CA', 1, 'USA'); \
                 INSERT INTO lettings (title, address_id) SELECT 'new', max(id) FROM addresses; \
                 INSERT INTO profiles (user_id) VALUES (4611686018427387904);",
            )?;

            let mut largest = |table: &str| -> Result<i64> {
                let query = format!("SELECT max(id) FROM {table}");
                Ok(diesel::dsl::sql::<BigInt>(&query).get_result(&mut conn)?)
            };
            assert_eq!(largest("addresses")?, 4, "3 was assigned and is gone");
            assert_eq!(largest("lettings")?, 4, "3 was assigned and is gone");
            assert!(largest("profiles")? > 40, "40 was assigned here before");
        }
    }
    Ok(())
}

#[test]
fn a_snapshot_ignores_later_writes() -> Result<()> {
    for db in filled()? {
        let mut snapshot = Snapshot::new(db.connect()?, "")?;
        let table = snapshot.header().tables[0].clone();
        assert_eq!(table.name, "addresses");

        db.connect()?.batch_execute("DELETE FROM addresses")?;
        let digest = snapshot.rows(&table, &mut |_| Ok(()))?;

        assert_eq!(digest.rows, 2);
        assert_eq!(count(&mut db.connect()?, "addresses")?, 0);
    }
    Ok(())
}

#[test]
fn foreign_tables_are_ignored() -> Result<()> {
    let folder = tempfile::tempdir()?;
    for (i, db) in filled()?.iter().enumerate() {
        let mut conn = db.connect()?;
        conn.batch_execute(
            "CREATE TABLE notes (day DATE); INSERT INTO notes VALUES ('2026-03-01')",
        )?;

        let path = backup(db, &folder, &format!("{i}"))?;
        restore(db, &path, Occupied::Replace)?;

        assert_eq!(count(&mut conn, "notes")?, 1);
        assert!(content(&path)?.0.iter().all(|table| table.name != "notes"));
    }
    Ok(())
}

/// Inserts a user without a password.
pub(crate) fn user(conn: &mut DbConnection, username: &str) -> QueryResult<()> {
    conn.batch_execute(&format!(
        "INSERT INTO users (username, password, email) \
         VALUES ('{username}', '!', '{username}@example.org')"
    ))
}
