//! What a client may cost.

use std::time::Duration;

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

/// What clients may cost, as the operator has set it.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Connections at a time, over all workers.
    pub connections: usize,
    /// Requests in work at a time, over all workers.
    pub requests: usize,
    /// Requests that wait for a connection to the database at a time.
    pub database_queue: usize,
    /// The largest body of a request (bytes).
    pub body: usize,
    /// How long the head of a request may take, and how long a body or an answer may stand still.
    pub client_timeout: Duration,
    /// How long a connection may wait for its next request.
    pub idle_timeout: Duration,
    /// How long running requests may take after the order to stop.
    pub shutdown_timeout: Duration,
}

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
