//! Shared state of the admin.

use crate::admin::registry::Registry;
use oc_http::SecretKey;

/// What the handlers of the admin need besides the database.
pub(crate) struct AdminState {
    pub(crate) registry: Registry,
    pub(crate) secret: SecretKey,
    /// Whether superusers must use two-factor authentication.
    pub(crate) require_totp: bool,
}
