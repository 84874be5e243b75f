//! Audit entries for accounts that are changed on the command line, without an actor.

use accounts::User;
use audit::NewAuditEntry;
use diesel::QueryResult;
use diesel::result::Error;
use oc_core::DbConnection;

use crate::audit_log::snapshot::Snapshot;
use crate::auth::account::{FACTOR_OFF, PASSWORD_CHANGED, log_account_change};
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

/// Logs a changed password. Requires the transaction that changes it.
pub fn record_password(
    conn: &mut DbConnection,
    registry: Registry,
    user: &User,
) -> QueryResult<()> {
    log_account_change(conn, registry, None, user, PASSWORD_CHANGED)
}

/// Logs that two-factor authentication was turned off. Requires the transaction that does it.
pub fn record_factor_off(
    conn: &mut DbConnection,
    registry: Registry,
    user: &User,
) -> QueryResult<()> {
    log_account_change(conn, registry, None, user, FACTOR_OFF)
}
