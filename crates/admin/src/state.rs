//! Shared state of the admin.

use crate::image_queue::ImageQueue;
use crate::registry::Registry;
use crate::secret_key::SecretKey;

/// What the handlers of the admin need besides the database.
pub struct AdminState {
    /// The resources.
    pub registry: Registry,
    /// `SECRET_KEY`.
    pub secret: SecretKey,
    /// Whether superusers must use two-factor authentication.
    pub require_totp: bool,
    /// Converts uploaded images.
    pub image_queue: ImageQueue,
}
