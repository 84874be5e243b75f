//! Changes of accounts on the command line, which are logged without an actor.

use audit::NewAuditEntry;
use diesel::QueryResult;
use diesel::result::Error;
use oc_core::DbConnection;

use crate::audit_log::snapshot::Snapshot;
pub use crate::auth::account::{replace_password, turn_off_factor};
use crate::registry::{ACCOUNTS, Registry};

/// Logs a new user. Requires the transaction that adds it.
pub fn record_added(conn: &mut DbConnection, registry: Registry, id: i64) -> QueryResult<()> {
    let record = ACCOUNTS.load(conn, id)?.ok_or(Error::NotFound)?;
    let entry = NewAuditEntry {
        model: &ACCOUNTS.key(),
        object_id: Some(id),
        title: &record.title,
        action: "added",
        after: &Snapshot::new(conn, registry, ACCOUNTS, &record)?.to_text(),
        ..NewAuditEntry::default()
    };
    entry.insert(conn)
}
