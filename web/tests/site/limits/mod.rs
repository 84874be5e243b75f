//! What a client may cost: beyond it there is a page that says so, never a hang.

mod cost;
mod order;
mod room;
mod size;
mod time;

use anyhow::Result;

use crate::http::{Answer, Connection};
use crate::support::TestSite;

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
