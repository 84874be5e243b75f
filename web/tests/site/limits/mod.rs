//! What a client may cost: beyond it there is a page that says so, never a hang.

mod capacity;
mod cost;
mod protocol;
mod size;
mod time;

use anyhow::Result;

use crate::http::{Answer, Connection};
use crate::support::TestSite;

/// The beginning of a form's head.
const FORM: &str = "POST /admin/login/ HTTP/1.1\r\nHost: localhost\r\n";

/// Asserts that this is an error page with that status and every header, after which the connection ends.
fn assert_rejected(answer: &Answer, status: u16) -> Result<()> {
    assert_eq!(answer.status, status);
    assert_eq!(answer.header("connection"), Some("close"));
    for name in ["content-security-policy", "x-request-id"] {
        assert!(answer.header(name).is_some(), "{name}");
    }
    assert_eq!(answer.html()?.texts("h1").len(), 1);
    Ok(())
}

fn connect(site: &TestSite, bytes: &[u8]) -> Result<Connection> {
    let mut connection = Connection::open(site.address())?;
    connection.write(bytes)?;
    Ok(connection)
}
