//! HTTP/1.1: pipelining, upgrades, message framing.

use anyhow::{Context, Result};

use super::{FORM, assert_rejected, connect};
use crate::http::Connection;
use crate::support::{TestSite, letting};

#[test]
fn protocol_upgrade_is_ignored() -> Result<()> {
    let site = TestSite::start()?;
    let upgrade = "Connection: Upgrade\r\nUpgrade: websocket\r\n";

    for (bytes, status) in [
        (format!("{FORM}{upgrade}Content-Length: 3\r\n\r\na=b"), 403),
        (format!("{FORM}{upgrade}Content-Length: 3\r\n\r\na=b and more"), 403),
        (format!("{FORM}{upgrade}Content-Length: 0\r\n\r\n"), 403),
        (format!("{FORM}{upgrade}\r\n"), 403),
        (format!("{FORM}{upgrade}Transfer-Encoding: chunked\r\n\r\n3\r\na=b\r\n0\r\n\r\n"), 403),
        (format!("GET / HTTP/1.1\r\nHost: localhost\r\n{upgrade}\r\n"), 200),
        ("GET / HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n\r\n".to_owned(), 200),
        ("CONNECT localhost:80 HTTP/1.1\r\nHost: localhost\r\n\r\n".to_owned(), 404),
    ] {
        let response = connect(&site, bytes.as_bytes())?.response(true);

        assert_eq!(response.context(bytes.clone())?.status, status, "{bytes}");
    }
    Ok(())
}

#[test]
fn pipelined_requests_are_answered_in_order() -> Result<()> {
    let site = TestSite::start()?;
    letting(&mut site.database()?, "Lakeside flat")?;
    let get = |target: &str| format!("GET {target} HTTP/1.1\r\nHost: localhost\r\n\r\n");
    let bytes = [
        get("/lettings/1/"),
        format!("{FORM}Content-Length: 3\r\n\r\na=b"),
        format!("{FORM}Transfer-Encoding: chunked\r\n\r\n3\r\na=b\r\n0\r\n\r\n"),
        get("/nowhere/"),
        get("/healthz"),
    ]
    .concat();

    let mut connection = connect(&site, bytes.as_bytes())?;

    for status in [200, 403, 403, 404, 200] {
        assert_eq!(connection.response(true)?.status, status);
    }
    Ok(())
}

#[test]
fn ambiguous_body_length_is_rejected() -> Result<()> {
    let site = TestSite::start()?;
    let hidden = "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n";

    for rest in [
        "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n",
        "Content-Length: 3\r\nContent-Length: 0\r\n\r\na=b",
        "Content-Length: 3, 0\r\n\r\na=b",
        "Content-Length: +3\r\n\r\na=b",
        "Content-Length: -3\r\n\r\na=b",
        "Content-Length: 0x3\r\n\r\na=b",
        "Content-Length: 99999999999999999999999\r\n\r\n",
        "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n",
        "Transfer-Encoding: identity\r\n\r\n",
        "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
        "Transfer-Encoding: chunked\r\n\r\nx\r\n",
        "Transfer-Encoding: chunked\r\n\r\n-1\r\n",
        "Transfer-Encoding: chunked\r\n\r\n3\na=b\r\n0\r\n\r\n",
        "Transfer-Encoding: chunked\r\n\r\n3\r\na=bX\r\n0\r\n\r\n",
        "Transfer-Encoding: chunked\r\n\r\n3;x\na=b\r\n0\r\n\r\n",
        "Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n",
    ] {
        let bytes = format!("{FORM}{rest}{hidden}");

        let received = connect(&site, bytes.as_bytes())?.rest()?;

        let received = String::from_utf8_lossy(&received);
        assert!(received.starts_with("HTTP/1.1 4"), "{bytes}: {received}");
        assert!(!received.contains("revision"), "{bytes}: {received}");
    }
    Ok(())
}

#[test]
fn bare_line_feed_does_not_end_a_trailer() -> Result<()> {
    let site = TestSite::with(&[("CLIENT_TIMEOUT", "1")])?;

    for trailers in ["X: y\n\r\n", "X: y\r\nZ: z\n\r\n", "X: y\n\n", "\n"] {
        let bytes = format!("{FORM}Transfer-Encoding: chunked\r\n\r\n3\r\na=b\r\n0\r\n{trailers}");

        let response = connect(&site, bytes.as_bytes())?.response(true)?;

        // For the parser the body continues, and eventually it times out.
        assert_rejected(&response, 408)?;
    }
    Ok(())
}

#[test]
fn malformed_requests_are_rejected() -> Result<()> {
    let site = TestSite::start()?;

    for bytes in [
        &b"this is not HTTP\r\n\r\n"[..],
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nHost: localhost\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"GET /\x00 HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nX: a\r\n b\r\n\r\n",
    ] {
        let response = Connection::response(&mut connect(&site, bytes)?, true);

        assert_eq!(response?.status, 400, "{}", bytes.escape_ascii());
    }
    Ok(())
}
