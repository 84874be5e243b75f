//! The page cache: current pages, without a difference to see, and pages while the database is unavailable.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use diesel::RunQueryDsl;
use oc_core::testing::TestDb;

use crate::admin::Browser;
use crate::database_failures::Server;
use crate::support::{TestSite, letting, profile};

const CACHED: [(&str, &str); 1] = [("PAGE_CACHE_SIZE", "16 MB")];

/// How long after a write by another process a request may still get the old page.
const BOUND: Duration = Duration::from_millis(100);

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
                assert!(
                    page.contains(&title),
                    "{target} is stale after save {number}"
                );
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
    let site = TestSite::with(&CACHED)?;
    letting(&mut site.database()?, "Lakeside flat")?;
    profile(&mut site.database()?, "ada")?;
    let plain = site.beside_with(&[("PAGE_CACHE_SIZE", "0")])?;
    let targets = [
        "/",
        "/lettings/",
        "/lettings/?q=lake",
        "/lettings/?x=1",
        "/lettings/?page=9",
        "/lettings/1/",
        "/lettings/2/",
        "/lettings/feed/",
        "/profiles/ada/",
        "/robots.txt",
        "/sitemap.xml",
    ];
    for (method, headers) in [
        ("GET", vec![]),
        ("GET", vec![("Accept-Encoding", "br")]),
        ("GET", vec![("Accept-Encoding", "gzip")]),
        ("HEAD", vec![("Accept-Encoding", "gzip")]),
        ("POST", vec![("Content-Length", "0")]),
    ] {
        for target in targets {
            let expected = plain.send(method, target, &headers)?;
            // Once rendered, once from the cache.
            for _ in 0..2 {
                let answer = site.send(method, target, &headers)?;
                assert_eq!(answer.status, expected.status, "{method} {target}");
                for name in [
                    "etag",
                    "cache-control",
                    "content-encoding",
                    "vary",
                    "content-type",
                ] {
                    assert_eq!(
                        answer.header(name),
                        expected.header(name),
                        "{method} {target} {name}"
                    );
                }
                assert!(answer.header("content-security-policy").is_some());
                assert_ne!(
                    answer.header("x-request-id"),
                    expected.header("x-request-id")
                );
                if method == "GET" {
                    assert_eq!(answer.decoded()?, expected.decoded()?, "{target}");
                }
                if let Some(tag) = answer.header("etag") {
                    let known = site.send("GET", target, &[("If-None-Match", tag)])?;
                    assert_eq!(known.status, 304, "{target}");
                }
            }
        }
    }
    Ok(())
}

#[test]
fn cached_pages_survive_an_outage_of_the_database() -> Result<()> {
    let Some(db) = TestDb::postgres()? else {
        return Ok(());
    };
    let site = TestSite::on_with(db, &CACHED)?;
    letting(&mut site.database()?, "Lakeside flat")?;
    let before = site.get("/lettings/1/")?;

    let server = Server::for_test_db(site.db())?;
    server.shut()?;
    let cached = site.get("/lettings/1/")?;
    let other = site.get("/lettings/")?;
    let ready = site.get("/readyz")?.json()?;
    server.open()?;

    assert_eq!(
        (before.status, cached.status, other.status),
        (200, 200, 503)
    );
    assert!(other.header("retry-after").is_some());
    assert_eq!(ready["checks"]["page_cache"], "stale");
    Ok(())
}
