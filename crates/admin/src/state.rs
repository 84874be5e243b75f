//! The state that the handlers share.

use actix_web::web::ServiceConfig;

use crate::image_queue::ImageQueue;
use crate::password_hasher::PasswordHasher;
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
    /// Hashes passwords, a few at a time.
    pub hasher: PasswordHasher,
    /// Converts uploaded images.
    pub image_queue: ImageQueue,
    /// Adds the previews of objects: `/APP/MODEL/ID/preview/`, with the parameters `app`, `model` and `id`.
    pub previews: fn(&mut ServiceConfig),
}
