//! Where log records go: standard error, as text or as JSON lines, and from there to Sentry where it is on.
//!
//! Where the site is served, nobody waits until a line is written. A record is one line whatever is in it, and carries no e-mail address and no password of an address.

mod bridge;
mod discretion;
mod journal;
mod line;
mod panics;
mod plain;
mod queue;
mod redaction;
mod start;

pub(crate) use journal::priority;
pub(crate) use queue::dropped_lines;
pub(crate) use redaction::redacted;
pub(crate) use start::start;
