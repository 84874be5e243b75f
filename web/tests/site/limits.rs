//! What a client may cost: beyond it there is a page that says so, never a hang.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::Duration;

use anyhow::Result;
use diesel::connection::SimpleConnection;
use oc_core::testing::TestDb;

use crate::http::{Answer, Connection, request};
use crate::support::{TestSite, letting};

/// The beginning of a form's head.
const FORM: &str = "POST /admin/login/ HTTP/1.1\r\nHost: localhost\r\n";

/// A refusal with that status and heading, after which the connection ends.
fn assert_refused(answer: &Answer, status: u16, heading: &str) -> Result<()> {
    assert_eq!(answer.status, status);
    assert_eq!(answer.header("connection"), Some("close"));
    assert!(answer.header("content-security-policy").is_some());
    assert_eq!(answer.html()?.texts("h1"), [heading]);
    Ok(())
}

fn connect(site: &TestSite, bytes: &[u8]) -> Result<Connection> {
    let mut connection = Connection::open(site.address())?;
    connection.write(bytes)?;
    Ok(connection)
}

#[test]
fn a_head_that_is_too_large_is_refused_before_it_ends() -> Result<()> {
    let site = TestSite::start()?;
    let long = "a".repeat(100_000);

    for (bytes, status, heading) in [
        (format!("GET /?q={long}"), 414, "Address too long"),
        ("\r\n".repeat(50_000), 431, "Request too large"),
        (
            format!("GET / HTTP/1.1\r\nHost: localhost\r\nX-Long: {long}"),
            431,
            "Request too large",
        ),
        (
            format!(
                "GET / HTTP/1.1\r\nHost: localhost\r\n{}",
                "X: y\r\n".repeat(100)
            ),
            431,
            "Request too large",
        ),
    ] {
        let answer = connect(&site, bytes.as_bytes())?.answer(true)?;

        assert_refused(&answer, status, heading)?;
    }
    Ok(())
}

#[test]
fn a_body_that_is_too_large_is_refused() -> Result<()> {
    let site = TestSite::with(&[("MAX_BODY_SIZE", "2000")])?;
    let head = "POST /admin/login/ HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-www-form-urlencoded\r\n";

    let told = connect(
        &site,
        format!("{head}Content-Length: 2001\r\n\r\n").as_bytes(),
    )?;
    let chunk = format!("7d1\r\n{}\r\n0\r\n\r\n", "a".repeat(2001));
    let found = connect(
        &site,
        format!("{head}Transfer-Encoding: chunked\r\n\r\n{chunk}").as_bytes(),
    )?;
    let fits = "a".repeat(2000);
    let passed = connect(
        &site,
        format!("{head}Content-Length: 2000\r\n\r\n{fits}").as_bytes(),
    )?;

    for mut connection in [told, found] {
        assert_refused(&connection.answer(true)?, 413, "Too much at once")?;
    }
    // The form has no token; but it was read.
    assert_eq!({ passed }.answer(true)?.status, 403);
    Ok(())
}

#[test]
fn a_client_that_does_not_come_to_the_point_is_told_so() -> Result<()> {
    let site = TestSite::with(&[("CLIENT_TIMEOUT", "1")])?;

    for bytes in [
        &b"GET / HTTP/1.1\r\nHost: loc"[..],
        b"POST /admin/login/ HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\nusername=",
    ] {
        let answer = connect(&site, bytes)?.answer(true)?;

        assert_refused(&answer, 408, "Too slow")?;
    }
    Ok(())
}

#[test]
fn a_client_that_sends_a_byte_now_and_then_is_too_slow_too() -> Result<()> {
    let site = TestSite::with(&[("CLIENT_TIMEOUT", "1")])?;
    let head = "POST /admin/login/ HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000\r\n\r\n";
    let mut stream = TcpStream::connect(site.address())?;
    stream.write_all(head.as_bytes())?;
    stream.set_read_timeout(Some(Duration::from_millis(100)))?;

    let mut answer = Vec::new();
    let mut bytes = 0;
    while !answer.windows(8).any(|part| part == b"Too slow") {
        assert!(bytes < 1000, "it was never told");
        // The site may have ended the connection by now; what it said is still there.
        bytes += stream.write(b"a").unwrap_or_default();
        let mut part = [0; 4096];
        if let Ok(count) = stream.read(&mut part) {
            answer.extend(&part[..count]);
        }
    }

    assert!(answer.starts_with(b"HTTP/1.1 408 "));
    Ok(())
}

#[test]
fn an_idle_connection_is_ended_in_silence() -> Result<()> {
    let site = TestSite::with(&[("CLIENT_TIMEOUT", "1"), ("IDLE_TIMEOUT", "1")])?;
    let fresh = TcpStream::connect(site.address())?;
    let mut used = connect(&site, b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")?;
    used.answer(true)?;

    let mut rest = Vec::new();
    (&fresh).read_to_end(&mut rest)?;
    rest.extend(used.rest()?);

    assert_eq!(rest, b"");
    Ok(())
}

#[test]
fn who_waits_longest_makes_room_for_a_visitor() -> Result<()> {
    let site = TestSite::with(&[("MAX_CONNECTIONS", "4"), ("WORKERS", "1")])?;
    let mut slow = Vec::new();
    for _ in 0..4 {
        slow.push(connect(&site, b"GET / HTTP/1.1\r\n")?);
    }

    let visitor = site.get("/healthz")?;

    assert_eq!(visitor.status, 200);
    let displaced = slow[0].answer(true)?;
    assert_refused(&displaced, 503, "Very busy just now")?;
    assert!(displaced.header("retry-after").is_some());
    Ok(())
}

#[test]
fn a_request_too_many_is_asked_to_come_again() -> Result<()> {
    let Some(db) = TestDb::postgres()? else {
        return Ok(());
    };
    let site = TestSite::on_with(db, &[("MAX_REQUESTS", "1"), ("WORKERS", "1")])?;
    let mut holder = site.database()?;
    holder.batch_execute("BEGIN; LOCK TABLE lettings IN ACCESS EXCLUSIVE MODE")?;
    let ask = |target: &str| format!("GET {target} HTTP/1.1\r\nHost: localhost\r\n\r\n");
    let mut first = connect(&site, ask("/healthz").as_bytes())?;
    assert_eq!(first.answer(true)?.status, 200);
    first.write(ask("/lettings/1/").as_bytes())?;

    let second = site.get("/")?;
    let probe = site.get("/healthz")?;
    holder.batch_execute("COMMIT")?;
    let first = first.answer(true)?;
    let third = site.get("/")?;

    assert_refused(&second, 503, "Very busy just now")?;
    assert!(second.header("retry-after").is_some());
    assert_eq!(probe.status, 200);
    assert_eq!((first.status, third.status), (404, 200));
    Ok(())
}

#[test]
fn bodies_that_do_not_come_keep_nobody_out() -> Result<()> {
    let site = TestSite::with(&[
        ("MAX_CONNECTIONS", "4"),
        ("MAX_REQUESTS", "1"),
        ("WORKERS", "1"),
    ])?;
    let mut slow = Vec::new();
    for _ in 0..4 {
        let mut connection = connect(
            &site,
            format!("{FORM}Content-Length: 3\r\nExpect: 100-continue\r\n\r\n").as_bytes(),
        )?;
        assert_eq!(connection.interim()?, 100);
        slow.push(connection);
    }

    let visitor = site.get("/")?;
    slow[3].write(b"a=b")?;
    let last = slow[3].answer(true)?;

    assert_eq!((visitor.status, last.status), (200, 403));
    assert_refused(&slow[0].answer(true)?, 503, "Very busy just now")?;
    Ok(())
}

#[test]
fn another_protocol_is_not_waited_for() -> Result<()> {
    let site = TestSite::start()?;
    let upgrade = "Connection: Upgrade\r\nUpgrade: websocket\r\n";

    for (bytes, status) in [
        (format!("{FORM}{upgrade}Content-Length: 3\r\n\r\na=b"), 403),
        (format!("{FORM}{upgrade}Content-Length: 0\r\n\r\n"), 403),
        (format!("{FORM}{upgrade}\r\n"), 403),
        (
            format!("GET / HTTP/1.1\r\nHost: localhost\r\n{upgrade}\r\n"),
            200,
        ),
    ] {
        assert_eq!(
            connect(&site, bytes.as_bytes())?.answer(true)?.status,
            status,
            "{bytes}"
        );
    }
    Ok(())
}

#[test]
fn a_refusal_knows_how_it_was_asked_for() -> Result<()> {
    let site = TestSite::with(&[
        ("TRUSTED_PROXIES", "127.0.0.0/8"),
        ("MAX_BODY_SIZE", "2000"),
    ])?;
    let https = "X-Forwarded-Proto: https\r\nTransfer-Encoding: chunked\r\n\r\n";
    let large = format!("7d1\r\n{}", "a".repeat(2001));

    for (chunks, status) in [("3 x\r\na=b", 400), (&*large, 413)] {
        let answer = connect(&site, format!("{FORM}{https}{chunks}").as_bytes())?.answer(true)?;
        assert_eq!(answer.status, status);
        assert!(
            answer.header("strict-transport-security").is_some(),
            "{status}"
        );
    }
    let long = "a".repeat(100_000);
    let mut head = connect(&site, format!("\r\nHEAD /?q={long}").as_bytes())?;
    assert_eq!(head.answer(false)?.status, 414);
    assert_eq!(head.rest()?, b"");
    Ok(())
}

#[test]
fn requests_in_one_go_are_answered_one_after_another() -> Result<()> {
    let site = TestSite::start()?;
    letting(&mut site.database()?, "Lakeside flat")?;
    let ask = |method: &str, target: &str, more: &str| {
        format!("{method} {target} HTTP/1.1\r\nHost: localhost\r\n{more}")
    };
    let bytes = [
        ask("HEAD", "/lettings/1/", "\r\n"),
        ask("GET", "/lettings/1/", "\r\n"),
        ask("POST", "/admin/login/", "Content-Length: 3\r\n\r\na=b"),
        ask(
            "POST",
            "/admin/login/",
            "Transfer-Encoding: chunked\r\n\r\n3\r\na=b\r\n0\r\n\r\n",
        ),
        ask("HEAD", "/nowhere/", "\r\n"),
        ask("GET", "/healthz", "\r\n"),
    ]
    .concat();

    let mut connection = connect(&site, bytes.as_bytes())?;

    for (status, with_body) in [
        (200, false),
        (200, true),
        (403, true),
        (403, true),
        (404, false),
        (200, true),
    ] {
        let answer = connection.answer(with_body)?;
        assert_eq!(answer.status, status);
    }
    Ok(())
}

#[test]
fn a_large_form_arrives_whole_however_slowly_it_is_cut() -> Result<()> {
    let site = TestSite::start()?;
    let body = format!("username=ada&password={}", "x".repeat(3 << 20));
    let head = format!(
        "POST /admin/login/ HTTP/1.1\r\nHost: localhost\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    let mut connection = connect(&site, head.as_bytes())?;

    for part in body.as_bytes().chunks(100_003) {
        connection.write(part)?;
    }

    // It has no token; what matters is that it was read to its end, and that the connection can go on.
    assert_eq!(connection.answer(true)?.status, 403);
    connection.write(&request("GET", "/healthz", &[]))?;
    assert_eq!(connection.answer(true)?.status, 200);
    Ok(())
}

#[test]
fn who_breaks_off_in_a_body_is_told_that_it_was_no_request() -> Result<()> {
    let site = TestSite::start()?;
    let head =
        "POST /admin/login/ HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\nusername=";
    let mut stream = TcpStream::connect(site.address())?;
    stream.write_all(head.as_bytes())?;
    stream.shutdown(Shutdown::Write)?;

    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;

    assert!(
        answer.starts_with(b"HTTP/1.1 400 "),
        "{}",
        answer.escape_ascii()
    );
    Ok(())
}
