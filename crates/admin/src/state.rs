//! Shared state of the admin.

use oc_http::SecretKey;

use crate::registry::Registry;

/// What the handlers of the admin need besides the database.
pub struct AdminState {
    /// The resources.
    pub registry: Registry,
    /// `SECRET_KEY`.
    pub secret: SecretKey,
    /// Whether superusers must use two-factor authentication.
    pub require_totp: bool,
}
