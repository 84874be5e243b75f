//! How long a client may take.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::Duration;

use anyhow::Result;

use super::{assert_refused, connect};
use crate::support::TestSite;

#[test]
fn a_client_that_does_not_come_to_the_point_is_told_so() -> Result<()> {
    let site = TestSite::with(&[("CLIENT_TIMEOUT", "1")])?;

    for bytes in [
        &b"GET / HTTP/1.1\r\nHost: loc"[..],
        b"POST /admin/login/ HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\nusername=",
    ] {
        let answer = connect(&site, bytes)?.answer(true)?;

        assert_refused(&answer, 408, "Request timed out")?;
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
    while !answer.windows(8).any(|part| part == b"Request timed out") {
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
