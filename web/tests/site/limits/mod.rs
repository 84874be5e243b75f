//! Limits of clients: an error page beyond each, and never a hang.

mod capacity;
mod cost;
mod protocol;
mod size;
mod time;

use anyhow::Result;

use crate::http::{Connection, Response};
use crate::support::TestSite;

/// The start of the head of a form submission.
const FORM: &str = "POST /admin/login/ HTTP/1.1\r\nHost: localhost\r\n";

/// Asserts that this is an error page with this status and every header, and that the connection is closed.
fn assert_rejected(response: &Response, status: u16) -> Result<()> {
    assert_eq!(response.status, status);
    assert_eq!(response.header("connection"), Some("close"));
    for name in ["content-security-policy", "x-request-id"] {
        assert!(response.header(name).is_some(), "{name}");
    }
    assert_eq!(response.html()?.texts("h1").len(), 1);
    Ok(())
}

fn connect(site: &TestSite, bytes: &[u8]) -> Result<Connection> {
    let mut connection = Connection::open(site.address())?;
    connection.write(bytes)?;
    Ok(connection)
}
