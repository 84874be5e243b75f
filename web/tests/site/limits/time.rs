//! Time limits of clients.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use diesel::connection::SimpleConnection;

use super::{FORM, connect};
use crate::admin::Browser;
use crate::http::Connection;
use crate::support::TestSite;

const GET: &str = "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n";

/// Time between two bytes of a client far below the minimum rate, but within every other limit.
const TRICKLE: Duration = Duration::from_millis(50);

/// Sends these bytes repeatedly until the site closes the connection; returns everything that it sent.
fn send_until_closed(mut stream: TcpStream, bytes: &[u8]) -> Result<Vec<u8>> {
    stream.set_read_timeout(Some(TRICKLE))?;
    let mut received = Vec::new();
    // Far more than the limits allow.
    for _ in 0..600 {
        stream.write_all(bytes).ok();
        let mut part = [0; 4096];
        match stream.read(&mut part) {
            Ok(0) => return Ok(received),
            Ok(count) => received.extend(&part[..count]),
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(_) => return Ok(received),
        }
    }
    bail!("the connection was never closed");
}

#[test]
fn slow_clients_are_disconnected() -> Result<()> {
    let site = TestSite::with(&[("CLIENT_TIMEOUT", "1")])?;
    let form = format!("{FORM}Content-Length: 3\r\n\r\na=b");
    let body = format!("{FORM}Content-Length: 2000\r\n\r\n");
    let too_large = format!(
        "{FORM}Transfer-Encoding: chunked\r\n\r\n10001\r\n{}\r\n",
        "a".repeat(65_537)
    );
    let head = "GET / HTTP/1.1\r\nHost: loc";

    let large = format!("400\r\n{}\r\n", "a".repeat(1024));
    for (name, before, beginning, again, status) in [
        ("first head that stops", "", head, "", Some("408")),
        ("first head that trickles", "", head, "a", Some("408")),
        ("later head that stops", GET, head, "", None),
        ("later head that trickles", GET, head, "a", None),
        ("head after a form that trickles", &*form, head, "a", None),
        ("body that stops", "", &*body, "", Some("408")),
        ("body that trickles", "", &*body, "a", Some("408")),
        ("later body that trickles", GET, &*body, "a", Some("408")),
        ("rejected body that stops", "", &*too_large, "", Some("413")),
        (
            "rejected body that goes on",
            "",
            &*too_large,
            "1\r\na\r\n",
            Some("413"),
        ),
        (
            "rejected body that goes on fast",
            "",
            &*too_large,
            &*large,
            Some("413"),
        ),
    ] {
        let mut stream = TcpStream::connect(site.address())?;
        if !before.is_empty() {
            stream.write_all(before.as_bytes())?;
            Connection::from(stream.try_clone()?)?.response(true)?;
        }
        stream.write_all(beginning.as_bytes())?;

        let received = send_until_closed(stream, again.as_bytes()).context(name)?;

        let received = String::from_utf8_lossy(&received);
        let found = received.strip_prefix("HTTP/1.1 ").map(|rest| &rest[..3]);
        assert_eq!(found, status, "{name}: {received}");
    }
    assert_eq!(site.get("/")?.status, 200);
    Ok(())
}

#[test]
fn client_that_does_not_read_is_disconnected() -> Result<()> {
    let site = TestSite::with(&[("CLIENT_TIMEOUT", "1")])?;
    let mut stream = TcpStream::connect(site.address())?;
    stream.set_write_timeout(Some(Duration::from_mins(1)))?;
    let requests = "GET /lettings/ HTTP/1.1\r\nHost: localhost\r\n\r\n".repeat(1_000);

    // Eventually every buffer is full, and the site neither reads nor writes.
    let error = loop {
        if let Err(error) = stream.write_all(requests.as_bytes()) {
            break error;
        }
    };

    assert!(
        matches!(
            error.kind(),
            ErrorKind::ConnectionReset | ErrorKind::BrokenPipe
        ),
        "{error}"
    );
    Ok(())
}

#[test]
fn handler_may_take_longer_than_the_client_timeout() -> Result<()> {
    let site = TestSite::with(&[("CLIENT_TIMEOUT", "1")])?;
    let mut browser = Browser::superuser(&site, "boss")?;
    let target = "/admin/auth/group/add/";
    browser.get(target)?;
    let mut holder = site.database()?;

    holder.batch_execute("BEGIN IMMEDIATE")?;
    let response = browser.post(target, &[("name", "Editors"), ("_save", "Save")])?;

    // It waited for the database for longer than a second.
    assert_eq!(response.status, 503);
    Ok(())
}

#[test]
fn idle_connection_is_closed_without_a_response() -> Result<()> {
    let site = TestSite::with(&[("IDLE_TIMEOUT", "1")])?;
    let mut used = connect(&site, GET.as_bytes())?;
    used.response(true)?;

    assert_eq!(used.rest()?, b"");
    Ok(())
}

#[test]
fn incomplete_body_is_a_bad_request() -> Result<()> {
    let site = TestSite::start()?;
    let mut stream = TcpStream::connect(site.address())?;
    stream.write_all(format!("{FORM}Content-Length: 100\r\n\r\nusername=").as_bytes())?;
    stream.shutdown(Shutdown::Write)?;

    assert_eq!(Connection::from(stream)?.response(true)?.status, 400);
    Ok(())
}
