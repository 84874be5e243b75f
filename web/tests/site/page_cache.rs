//! The page cache: freshness, the same responses as without it, and pages during an outage of the database.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use diesel::connection::SimpleConnection;
use diesel::dsl::sql;
use diesel::sql_types::Text;
use diesel::{QueryResult, RunQueryDsl};
use oc_core::DbConnection;
use oc_core::testing::{TestDb, on_both};

use crate::admin::Browser;
use crate::database_failures::Server;
use crate::http::Response;
use crate::support::{TestSite, assert_contains, letting, profile};

const CACHED: [(&str, &str); 1] = [("PAGE_CACHE_SIZE", "16 MB")];

/// How long after a write by another process a request may still get the old page.
const BOUND: Duration = Duration::from_millis(100);

/// How long a page may be stale after an outage, on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);

#[test]
fn a_save_is_visible_to_the_next_request() -> Result<()> {
    for db in TestDb::each()? {
        let site = TestSite::on_with(db, &CACHED)?;
        letting(&mut site.database()?, "Title 0")?;
        let mut browser = Browser::superuser(&site, "ada")?;
        let path = "/admin/lettings/letting/1/change/";
        for number in 1..=20 {
            let title = format!("Title {number}");
            let saved = browser.fill(path, &[("title", &title), ("address", "1")])?;
            assert_eq!(saved.status, 303, "{}", saved.text()?);
            for target in ["/", "/lettings/", "/lettings/1/"] {
                let page = site.get(target)?.text()?;
                assert_contains(&page, &title);
            }
        }
    }
    Ok(())
}

#[test]
fn a_write_by_another_process_is_visible_within_the_bound() -> Result<()> {
    for db in TestDb::each()? {
        let site = TestSite::on_with(db, &CACHED)?;
        let mut conn = site.database()?;
        letting(&mut conn, "Title 0")?;
        for number in 1..=50 {
            let title = format!("Title {number}.");
            diesel::sql_query(format!("UPDATE lettings SET title = '{title}'"))
                .execute(&mut conn)?;
            let written = Instant::now();
            loop {
                let age = written.elapsed();
                if site.get("/lettings/1/")?.text()?.contains(&title) {
                    break;
                }
                ensure!(age < BOUND, "stale {age:?} after the write");
            }
        }
    }
    Ok(())
}

#[test]
fn responses_are_the_same_with_and_without_the_cache() -> Result<()> {
    let proxy = ("TRUSTED_PROXIES", "127.0.0.1");
    let site = TestSite::with(&[CACHED[0], proxy])?;
    letting(&mut site.database()?, "Lakeside flat")?;
    profile(&mut site.database()?, "ada")?;
    let plain = site.beside_with(&[("PAGE_CACHE_SIZE", "0"), proxy])?;
    let targets = "/ /lettings/ /lettings/?q=lake /lettings/?x=1 /lettings/?page=9 /lettings/1/ \
        /lettings/2/ /lettings/feed/ /profiles/ada/ /robots.txt /sitemap.xml";
    let (long, large) = ("*/*,".repeat(10_000), "x".repeat(40_000));
    for (method, headers) in [
        ("GET", vec![]),
        ("GET", vec![("Accept-Encoding", "br")]),
        ("GET", vec![("Accept-Encoding", "gzip")]),
        ("HEAD", vec![("Accept-Encoding", "gzip")]),
        ("GET", vec![("X-Forwarded-Proto", "https")]),
        ("GET", vec![("Host", "example.org")]),
        ("GET", vec![("Content-Length", "0"), ("If-None-Match", "*")]),
        ("GET", vec![("Accept-Encoding", &*long)]),
        ("GET", vec![("X-Large", &*large)]),
        ("POST", vec![("Content-Length", "0")]),
    ] {
        for target in targets.split(' ') {
            let expected = plain.send(method, target, &headers)?;
            // Once rendered, once from the cache.
            for _ in 0..2 {
                let response = site.send(method, target, &headers)?;
                assert_eq!(response.status, expected.status, "{method} {target}");
                assert_eq!(
                    headers_without_length(&response),
                    headers_without_length(&expected),
                    "{method} {target}"
                );
                assert_ne!(
                    response.header("x-request-id"),
                    expected.header("x-request-id")
                );
                if method == "GET" {
                    assert_eq!(response.decoded()?, expected.decoded()?, "{target}");
                }
                if let Some(tag) = response.header("etag") {
                    let known = site.send("GET", target, &[("If-None-Match", tag)])?;
                    let expected = plain.send("GET", target, &[("If-None-Match", tag)])?;
                    assert_eq!(known.status, 304, "{target}");
                    assert_eq!(known.headers(), expected.headers(), "{target}");
                }
            }
        }
    }
    Ok(())
}

/// A page in the cache is compressed better.
fn headers_without_length(response: &Response) -> Vec<(&str, &str)> {
    let mut headers = response.headers();
    headers.retain(|(name, _)| *name != "content-length");
    headers
}

#[test]
fn cached_pages_survive_an_outage_of_the_database() -> Result<()> {
    let Some(db) = TestDb::postgres()? else {
        return Ok(());
    };
    let site = TestSite::on_with(db, &CACHED)?;
    letting(&mut site.database()?, "Lakeside flat")?;
    letting(&mut site.database()?, "Pier House")?;
    let before = site.get("/lettings/1/")?;
    assert_eq!(site.get("/lettings/2/")?.status, 200);
    site.database()?
        .batch_execute("UPDATE lettings SET status = 'archived' WHERE id = 2")?;
    let archived = Instant::now();
    while site.get("/lettings/2/")?.status != 404 {
        ensure!(
            archived.elapsed() < 10 * BOUND,
            "the letting is still there"
        );
    }

    let server = Server::for_test_db(site.db())?;
    server.shut()?;
    let cached = site.get("/lettings/1/")?;
    let other = site.get("/lettings/")?;
    let archived = site.get("/lettings/2/")?;
    let ready = site.get("/readyz")?.json()?;
    server.open()?;
    site.database()?
        .batch_execute("UPDATE lettings SET title = 'Current' WHERE id = 1")?;
    let opened = Instant::now();
    while !site.get("/lettings/1/")?.text()?.contains("Current") {
        ensure!(opened.elapsed() < PATIENCE, "the page is still outdated");
    }

    assert_eq!(
        (before.status, cached.status, other.status, archived.status),
        (200, 200, 503, 503)
    );
    assert!(other.header("retry-after").is_some());
    assert_eq!(ready["checks"]["page_cache"], "stale");
    Ok(())
}

/// Tables without public content: their changes leave cached pages valid.
const PRIVATE_TABLES: [(&str, &str); 23] = [
    ("__diesel_schema_migrations", "diesel's"),
    ("changes", "audit log: staff only"),
    ("compatible_migrations", "read at start"),
    ("content_version", "the version itself"),
    ("group_rights", "permissions: admin pages are not cached"),
    ("groups", "permissions"),
    ("login_failures", "throttling"),
    ("outgoing_mails", "mail to staff"),
    ("photo_files", "never change; see letting_photos"),
    ("recovery_codes", "two-factor authentication"),
    ("search_index", "derived: indexing increments the version"),
    ("search_queue", "what is to be indexed"),
    ("search_trigrams", "derived"),
    ("search_trigrams_config", "SQLite's"),
    ("search_trigrams_data", "SQLite's"),
    ("search_trigrams_idx", "SQLite's"),
    ("second_factors", "two-factor authentication"),
    ("sessions", "sessions of staff"),
    ("sqlite_sequence", "SQLite's"),
    ("submitted_forms", "forms of staff"),
    ("town_totals", "derived"),
    ("user_groups", "permissions"),
    ("user_rights", "permissions"),
];

/// Columns without public content in other tables: a login must not empty the cache.
const PRIVATE_COLUMNS: [(&str, &str); 1] = [(
    "users",
    "id password last_login is_superuser is_staff is_active date_joined must_change_password",
)];

/// Pairs of texts from a database catalog, grouped by the first one.
fn catalog(
    conn: &mut DbConnection,
    sqlite: &str,
    postgres: &str,
) -> QueryResult<BTreeMap<String, BTreeSet<String>>> {
    let query = match conn {
        DbConnection::Sqlite(_) => sqlite,
        DbConnection::Postgres(_) => postgres,
    };
    let mut found: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (owner, name) in sql::<(Text, Text)>(query).load::<(String, String)>(conn)? {
        found.entry(owner).or_default().insert(name);
    }
    Ok(found)
}

#[test]
fn every_change_to_a_public_table_increments_the_content_version() -> anyhow::Result<()> {
    on_both(|conn| {
        let columns = catalog(
            conn,
            "SELECT t.name AS owner, c.name FROM sqlite_schema t, pragma_table_info(t.name) c WHERE t.type = 'table'",
            "SELECT table_name::text AS owner, column_name::text AS name FROM information_schema.columns \
             WHERE table_schema = current_schema()",
        )?;
        // The definition of each trigger: `… AFTER INSERT OR UPDATE OF a, b ON table …`.
        let triggers = catalog(
            conn,
            "SELECT tbl_name AS owner, sql AS name FROM sqlite_schema \
             WHERE type = 'trigger' AND sql LIKE '%UPDATE content_version%'",
            "SELECT tgrelid::regclass::text AS owner, pg_get_triggerdef(oid) AS name FROM pg_trigger \
             WHERE tgfoid = 'increment_content_version'::regproc",
        )?;
        for (table, columns) in &columns {
            if PRIVATE_TABLES.iter().any(|(name, _)| name == table) {
                continue;
            }
            let definitions = triggers.get(table).into_iter().flatten();
            let events: BTreeSet<&str> = definitions
                .filter_map(|sql| sql.split_once(" AFTER ")?.1.split_once(" ON "))
                .flat_map(|(events, _)| events.split(" OR "))
                .collect();
            assert_eq!(
                events.len(),
                3,
                "{table} needs triggers, or a reason in PRIVATE_TABLES: {events:?}"
            );
            assert!(
                events.contains("INSERT") && events.contains("DELETE"),
                "{table}"
            );
            let listed = events
                .iter()
                .find_map(|event| event.strip_prefix("UPDATE OF "));
            let Some(listed) = listed else { continue };
            let private = PRIVATE_COLUMNS.iter().find(|(name, _)| name == table);
            let private = private.map_or("", |(_, columns)| columns);
            let known: BTreeSet<String> = listed
                .split(", ")
                .chain(private.split_whitespace())
                .map(str::to_owned)
                .collect();
            assert_eq!(
                &known, columns,
                "{table}: list the columns in the trigger or PRIVATE_COLUMNS"
            );
        }
        Ok(())
    })
}
