//! Limits on the number of connections and requests.

use anyhow::Result;
use diesel::connection::SimpleConnection;
use oc_core::testing::TestDb;

use super::{FORM, assert_rejected, connect};
use crate::support::{TestSite, pairs};

#[test]
fn visitor_is_served_after_slow_clients_are_disconnected() -> Result<()> {
    let site = TestSite::with(&pairs("MAX_CONNECTIONS=4&WORKERS=1&CLIENT_TIMEOUT=1"))?;
    let mut slow = Vec::new();
    for _ in 0..8 {
        slow.push(connect(&site, b"GET / HTTP/1.1\r\n")?);
    }

    assert_eq!(site.get("/healthz")?.status, 200);
    Ok(())
}

#[test]
fn requests_beyond_the_limit_get_503_with_retry_after() -> Result<()> {
    let Some(db) = TestDb::postgres()? else {
        return Ok(());
    };
    let site = TestSite::on_with(db, &[("MAX_REQUESTS", "1"), ("WORKERS", "1")])?;
    let mut holder = site.database()?;
    holder.batch_execute("BEGIN; LOCK TABLE lettings IN ACCESS EXCLUSIVE MODE")?;
    let ask = |target: &str| format!("GET {target} HTTP/1.1\r\nHost: localhost\r\n\r\n");
    let mut first = connect(&site, ask("/healthz").as_bytes())?;
    assert_eq!(first.response(true)?.status, 200);
    first.write(ask("/lettings/1/").as_bytes())?;

    let second = site.get("/")?;
    let probe = site.get("/healthz")?;
    holder.batch_execute("COMMIT")?;
    let first = first.response(true)?;
    let third = site.get("/")?;

    assert_rejected(&second, 503)?;
    assert!(second.header("retry-after").is_some());
    assert_eq!(probe.status, 200);
    assert_eq!((first.status, third.status), (404, 200));
    Ok(())
}

#[test]
fn stalled_bodies_do_not_block_other_requests() -> Result<()> {
    let site = TestSite::with(&[("MAX_REQUESTS", "1"), ("WORKERS", "1")])?;
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

    assert_eq!(visitor.status, 200);
    assert_eq!(slow[3].response(true)?.status, 403);
    Ok(())
}
