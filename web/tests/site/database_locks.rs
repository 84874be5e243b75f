//! A locked database: pages are served, and nothing hangs.

use std::sync::mpsc::channel;
use std::thread;

use anyhow::{Context, Result};
use diesel::RunQueryDsl;
use diesel::connection::SimpleConnection;
use diesel::sql_types::Text;
use lettings::testing::photo;

use crate::admin::{ADDRESS_FORM, Browser, with};
use crate::http::{Connection, Response};
use crate::support::{TestSite, assert_contains_all, letting, profile};

const SAVES: usize = 30;

/// The bytes of a request that adds an address.
fn save(browser: &Browser<'_>, street: &str) -> Vec<u8> {
    let body = form_urlencoded::Serializer::new(String::new())
        .append_pair("csrfmiddlewaretoken", browser.token())
        .extend_pairs(with(
            &ADDRESS_FORM,
            &[("street", street), ("_save", "Save")],
        ))
        .finish();
    let head = format!(
        "POST /admin/lettings/address/add/ HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nCookie: {}\r\n\
         Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n",
        browser.cookies(),
        body.len(),
    );
    [head.as_bytes(), body.as_bytes()].concat()
}

#[test]
fn pages_are_served_while_writes_are_blocked() -> Result<()> {
    let settings = [("DATABASE_POOL_SIZE", "4"), ("WORKERS", "2")];
    let site = &TestSite::with(&settings)?;
    let mut holder = site.database()?;
    letting(&mut holder, "Lakeside flat")?;
    profile(&mut holder, "AirWow")?;
    let mut boss = Browser::superuser(site, "boss")?;
    boss.get("/admin/lettings/address/add/")?;
    // The last use of the session is old enough to be recorded again, which is impossible at the moment.
    diesel::sql_query("UPDATE sessions SET seen_at = datetime('now', '-5 minutes')")
        .execute(&mut holder)?;
    let streets: Vec<String> = (0..SAVES)
        .map(|number| format!("{number} Gull Lane"))
        .collect();

    holder.batch_execute("BEGIN IMMEDIATE")?;
    let (sent, all_sent) = channel();
    let responses = thread::scope(|scope| {
        let saves: Vec<_> = streets
            .iter()
            .map(|street| {
                let (sent, request) = (sent.clone(), save(&boss, street));
                scope.spawn(move || -> Result<Response> {
                    let mut connection = Connection::open(site.address())?;
                    connection.write(&request)?;
                    sent.send(()).ok();
                    connection.response(true)
                })
            })
            .collect();
        for _ in 0..SAVES {
            all_sent.recv().context("a save was not sent")?;
        }
        for target in ["/", "/lettings/", "/lettings/1/", "/profiles/AirWow/"].repeat(5) {
            assert_eq!(site.get(target)?.status, 200, "{target}");
        }
        assert_eq!(boss.get("/admin/lettings/letting/")?.status, 200);
        assert_eq!(site.get("/readyz")?.status, 200);
        holder.batch_execute("ROLLBACK")?;
        let responses = saves
            .into_iter()
            .map(|save| save.join().expect("no thread panicked"));
        responses.collect::<Result<Vec<_>>>()
    })?;

    let stored: Vec<String> =
        diesel::dsl::sql::<Text>("SELECT street FROM addresses").load(&mut holder)?;
    for (response, street) in responses.iter().zip(&streets) {
        let is_stored = stored.contains(street);
        if response.status == 303 {
            assert!(is_stored, "{street} was acknowledged, and is not there");
            continue;
        }
        assert_eq!(response.status, 503, "{}", response.text()?);
        assert!(response.header("retry-after").is_some());
        assert!(!is_stored, "{street} was rejected but stored");
        let page = response.text()?;
        let words = format!("Your changes have not been saved | {street}");
        assert_contains_all(&page, &words);
    }
    let mut connection = Connection::open(site.address())?;
    connection.write(&save(&boss, "After"))?;
    assert_eq!(connection.response(true)?.status, 303);
    Ok(())
}

#[test]
fn a_form_that_could_not_be_saved_is_shown_again() -> Result<()> {
    for site in TestSite::on_each()? {
        let mut holder = site.database()?;
        letting(&mut holder, "Lakeside flat")?;
        let mut boss = Browser::superuser(&site, "boss")?;
        let target = "/admin/lettings/address/1/change/";
        let version = boss.version(target)?;
        let changed = [
            ("street", "Heron Way"),
            ("_version", &version),
            ("_save", "1"),
        ];
        let fields = with(&ADDRESS_FORM, &changed);

        holder.batch_execute("BEGIN")?;
        diesel::sql_query("UPDATE addresses SET city = city").execute(&mut holder)?;
        let rejected = boss.post(target, &fields)?;
        holder.batch_execute("ROLLBACK")?;
        let page = rejected.text()?;
        let saved = boss.post(target, &fields)?;

        assert_eq!(rejected.status, 503, "{page}");
        assert!(rejected.header("retry-after").is_some());
        let words = "Your changes have not been saved | value=\"Heron Way\"";
        assert_contains_all(&page, &format!("{words} | {version}"));
        assert_eq!(saved.status, 303, "{}", saved.text()?);
    }
    Ok(())
}

#[test]
fn descriptions_that_could_not_be_saved_are_shown_again() -> Result<()> {
    for site in TestSite::on_each()? {
        let mut holder = site.database()?;
        letting(&mut holder, "Lakeside flat")?;
        let id = photo(&mut holder, 1, "")?;
        let mut boss = Browser::superuser(&site, "boss")?;
        boss.get("/admin/lettings/letting/1/change/")?;
        let name = format!("description-{id}");

        holder.batch_execute("BEGIN")?;
        diesel::sql_query("UPDATE letting_photos SET alt = alt").execute(&mut holder)?;
        let target = "/admin/lettings/letting/1/photos/";
        let response = boss.post(target, &[(&*name, "A lake at dawn")])?;
        holder.batch_execute("ROLLBACK")?;

        assert_eq!(response.status, 503);
        let words = "Your changes have not been saved | A lake at dawn";
        assert_contains_all(&response.text()?, words);
    }
    Ok(())
}

#[test]
fn waiting_for_a_locked_table_is_bounded() -> Result<()> {
    for site in TestSite::on_postgres()? {
        let mut holder = site.database()?;
        letting(&mut holder, "Lakeside flat")?;

        holder.batch_execute("BEGIN; LOCK TABLE lettings IN ACCESS EXCLUSIVE MODE")?;
        let rejected = site.get("/lettings/1/")?;
        let (others, ready) = (site.get("/profiles/")?, site.get("/readyz")?);
        holder.batch_execute("ROLLBACK")?;
        let after = site.get("/lettings/1/")?;

        assert_eq!(rejected.status, 503);
        assert!(rejected.header("retry-after").is_some());
        assert_eq!(rejected.html()?.texts("h1"), ["Temporarily unavailable"]);
        assert_eq!((others.status, ready.status, after.status), (200, 200, 200));
    }
    Ok(())
}
