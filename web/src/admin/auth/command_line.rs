//! What the record of changes tells of accounts that were altered at the server's own command line: by nobody that we
//! know.

use accounts::User;
use audit::{AuditEntry, NewAuditEntry};
use diesel::QueryResult;
use diesel::result::Error;
use oc_core::DbConnection;

use crate::admin::audit_log::snapshot::Snapshot;
use crate::admin::auth::{password_page, totp};
use crate::admin::registry;

const KEY: &str = "auth.user";

/// Records a new account. Call it in the write that makes it.
pub(crate) fn record_added(conn: &mut DbConnection, id: i64) -> QueryResult<()> {
    let model = registry::by_key(KEY).ok_or(Error::NotFound)?;
    let object = (model.load)(conn, id)?.ok_or(Error::NotFound)?;
    let change = NewAuditEntry {
        actor: None,
        model: KEY,
        object_id: Some(id),
        title: &object.title,
        action: "added",
        before: "",
        after: &Snapshot::of(conn, model, &object)?.to_text(),
    };
    AuditEntry::insert(conn, &change)
}

/// Records that an account got another password. Call it in the write that sets it.
pub(crate) fn record_password(conn: &mut DbConnection, user: &User) -> QueryResult<()> {
    password_page::record(conn, None, user.id, &user.username)
}

/// Records that an account's second factor was turned off. Call it in the write that does.
pub(crate) fn record_factor_off(conn: &mut DbConnection, user: &User) -> QueryResult<()> {
    totp::record(conn, None, user, totp::OFF)
}
