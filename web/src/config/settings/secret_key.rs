//! The key that signs what the site hands out.

use super::entry::Entry;
use super::environment::Environment;
use crate::config::read::{InvalidSetting, Source, refuse};
use oc_http::SecretKey;

pub(super) const ENTRIES: &[Entry] = &[Entry {
    name: "SECRET_KEY",
    default: "made up at each start",
    meaning: "32 bytes or more, kept secret; required in production",
}];

pub(super) fn secret_key(
    source: &Source<'_>,
    environment: Environment,
) -> Result<SecretKey, InvalidSetting> {
    match source.text("SECRET_KEY") {
        Some(key) => SecretKey::new(key)
            .map_err(|why| refuse("SECRET_KEY", Some("(hidden)".to_owned()), why)),
        None if environment == Environment::Production => Err(refuse(
            "SECRET_KEY",
            None,
            "in production it must have 32 bytes or more, and stay secret; `openssl rand -hex 32` makes one",
        )),
        None => Ok(SecretKey::random()),
    }
}
