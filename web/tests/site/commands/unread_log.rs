//! A log that nobody reads any more: the pipe behind standard error is full.

use anyhow::Result;

use super::program::{Program, Serving};
use super::staff::PRODUCTION;
use crate::http::Connection;

/// More lines than the pipe and the queue before it hold.
const REQUESTS: usize = 700;

/// The program after more requests than its log has room for, all of them answered.
fn serve_unread() -> Result<Serving> {
    let logged = [("LOG_FORMAT", "json"), ("RUST_LOG", "info")];
    let program = Program::with(&[&PRODUCTION[..], &logged].concat())?;
    let serving = program.serve(&[])?;
    let mut connection = Connection::open(serving.address())?;
    let path = "x".repeat(1000);
    let request = format!("GET /{path} HTTP/1.1\r\nHost: localhost\r\n\r\n");
    for _ in 0..REQUESTS {
        connection.write(request.as_bytes())?;
        assert_eq!(connection.answer(true)?.status, 404);
    }
    Ok(serving)
}

#[test]
fn requests_go_on_and_whoever_reads_again_is_told_what_is_missing() -> Result<()> {
    let mut serving = serve_unread()?;

    serving.wait_for_log("lines were dropped")?;

    for line in serving.log.lines() {
        serde_json::from_str::<serde_json::Value>(line)?;
    }
    assert_eq!(serving.end("TERM")?.0, Some(0));
    Ok(())
}

#[test]
fn the_site_ends_in_good_order_all_the_same() -> Result<()> {
    // The pipe is read when the process has ended.
    let (code, _) = serve_unread()?.end("TERM")?;

    assert_eq!(code, Some(0));
    Ok(())
}
