//! What a connection is used for: one request after another, and nothing else.

use anyhow::Result;

use super::{FORM, assert_refused, connect};
use crate::support::{TestSite, letting};

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
fn chunked_body_with_a_bare_line_feed_in_its_trailers_is_rejected_at_once() -> Result<()> {
    let site = TestSite::start()?;

    for trailers in ["X: y\n\r\n", "X: y\r\nZ: z\n\r\n", "X: y\n\n", "\n"] {
        let bytes = format!("{FORM}Transfer-Encoding: chunked\r\n\r\n3\r\na=b\r\n0\r\n{trailers}");
        let answer = connect(&site, bytes.as_bytes())?.answer(true)?;

        assert_refused(&answer, 400, "Bad request")?;
    }
    Ok(())
}
