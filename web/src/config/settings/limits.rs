//! What clients may cost, and how long the site takes to stop.

use std::time::Duration;

use super::entry::Entry;
use crate::config::read::{InvalidSetting, Source};
use crate::listener::Limits;

pub(super) const ENTRIES: &[Entry] = &[
    Entry {
        name: "MAX_CONNECTIONS",
        default: "16384",
        meaning: "connections at a time; the system's limit on open files may lower it",
    },
    Entry {
        name: "MAX_REQUESTS",
        default: "2048",
        meaning: "requests in work at a time",
    },
    Entry {
        name: "DATABASE_QUEUE",
        default: "1024",
        meaning: "requests that wait for a connection to the database at a time",
    },
    Entry {
        name: "MAX_BODY_SIZE",
        default: "8388608",
        meaning: "the largest form or file that is taken, in bytes",
    },
    Entry {
        name: "CLIENT_TIMEOUT",
        default: "10",
        meaning: "seconds that a client may take for the head of a request, or stand still",
    },
    Entry {
        name: "IDLE_TIMEOUT",
        default: "60",
        meaning: "seconds that a connection may wait for its next request",
    },
    Entry {
        name: "SHUTDOWN_TIMEOUT",
        default: "30",
        meaning: "seconds that running requests may take after the order to stop",
    },
];

pub(super) fn limits(source: &Source<'_>) -> Result<Limits, InvalidSetting> {
    let default = Limits::default();
    Ok(Limits {
        connections: count(source, "MAX_CONNECTIONS", default.connections)?,
        requests: count(source, "MAX_REQUESTS", default.requests)?,
        database_queue: count(source, "DATABASE_QUEUE", default.database_queue)?,
        body: source.parse_if(
            "MAX_BODY_SIZE",
            default.body,
            "it must be a whole number of bytes from 1024 to 268435456",
            |bytes| (1024..=256 << 20).contains(bytes),
        )?,
        client_timeout: seconds(source, "CLIENT_TIMEOUT", default.client_timeout)?,
        idle_timeout: seconds(source, "IDLE_TIMEOUT", default.idle_timeout)?,
        shutdown_timeout: seconds(source, "SHUTDOWN_TIMEOUT", default.shutdown_timeout)?,
    })
}

fn count(source: &Source<'_>, name: &'static str, default: usize) -> Result<usize, InvalidSetting> {
    source.parse_if(
        name,
        default,
        "it must be a whole number from 1 to 1000000",
        |count| (1..=1_000_000).contains(count),
    )
}

fn seconds(
    source: &Source<'_>,
    name: &'static str,
    default: Duration,
) -> Result<Duration, InvalidSetting> {
    let seconds = source.parse_if(
        name,
        default.as_secs(),
        "it must be a whole number of seconds from 1 to 3600",
        |seconds| (1..=3600).contains(seconds),
    )?;
    Ok(Duration::from_secs(seconds))
}
