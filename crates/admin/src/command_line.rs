//! Changes of accounts on the command line, which are logged without an actor.

use audit::NewAuditEntry;
use diesel::QueryResult;
use diesel::result::Error;
use oc_core::DbConnection;

use crate::audit_log::snapshot::Snapshot;
pub use crate::auth::account::{replace_password, turn_off_factor};
use crate::registry::Registry;

/// Logs a new user. Requires the transaction that adds it.
pub fn record_added(conn: &mut DbConnection, registry: Registry, id: i64) -> QueryResult<()> {
    let accounts = registry.accounts().map_err(|_| Error::NotFound)?;
    let record = accounts.load(conn, id)?.ok_or(Error::NotFound)?;
    let entry = NewAuditEntry {
        model: &accounts.key(),
        object_id: Some(id),
        title: &record.title,
        action: "added",
        after: &Snapshot::new(conn, registry, accounts, &record)?.to_text(),
        ..NewAuditEntry::default()
    };
    entry.insert(conn)
}
