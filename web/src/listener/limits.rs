//! What a client may cost.

use std::time::Duration;

use crate::config::Limits;

/// The longest address of a request (bytes), path and query together.
pub(super) const LONGEST_ADDRESS: usize = 32 << 10;

/// The longest head of a request (bytes) beside its address.
pub(super) const LONGEST_FIELDS: usize = 32 << 10;

/// The most header fields of a request: as many as the parser behind us takes.
pub(super) const MOST_FIELDS: usize = 96;

/// What the bodies of all requests may take together (bytes).
pub(super) const ALL_BODIES: usize = 256 << 20;

/// What a client must send or take in a second while we wait for it (bytes).
pub(super) const SLOWEST: u32 = 500;

/// How long the site may take over an answer, or over its next part: nothing of ours takes so long, and what is stuck
/// must not be counted as running for ever.
pub(super) const SITE_PATIENCE: Duration = Duration::from_mins(5);

/// How long a connection that waits for a request is left to do so after the order to stop.
pub(super) const LAST_CALL: Duration = Duration::from_secs(1);

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 16_384,
            requests: 2048,
            database_queue: 1024,
            body: 8 << 20,
            client_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_mins(1),
            shutdown_timeout: Duration::from_secs(30),
        }
    }
}
