//! Listening socket, and how many connections the system allows.

use std::net::TcpListener;

use anyhow::{Context, bail};
use listenfd::ListenFd;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Connections that may wait to be accepted; the system may have a lower limit.
const BACKLOG: i32 = 4096;

/// Open files that are not connections: database, log, threads.
const OTHER_FILES: u64 = 256;

/// The socket that the service manager passed on, or a new one at that address.
///
/// # Errors
/// When the address is taken, or the passed socket cannot be used.
pub fn bind(host: &str, port: u16) -> anyhow::Result<TcpListener> {
    let mut passed = ListenFd::from_env();
    if passed.len() > 1 {
        bail!(
            "the service manager passed on {} sockets, but the site listens on one",
            passed.len()
        );
    }
    let passed = passed
        .take_tcp_listener(0)
        .context("the socket that was passed on is not a TCP socket")?;
    if let Some(listener) = passed {
        return Ok(listener);
    }
    let listener = TcpListener::bind((host, port))
        .with_context(|| format!("cannot listen on {host}:{port}"))?;
    rustix::net::listen(&listener, BACKLOG).context("cannot listen")?;
    Ok(listener)
}

/// Raises the limit on open files, and returns how many of the wanted connections fit.
#[must_use]
pub fn raise_file_limit(wanted: usize) -> usize {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let enough = wanted as u64 + OTHER_FILES;
    if current.is_some_and(|current| current < enough) {
        let current = Some(maximum.map_or(enough, |maximum| enough.min(maximum)));
        // Where this is refused, the limit stays as it was.
        setrlimit(Resource::Nofile, Rlimit { current, maximum }).ok();
    }
    let Some(allowed) = getrlimit(Resource::Nofile).current else {
        return wanted;
    };
    // Of very few files, half are for connections.
    let available = allowed.saturating_sub(OTHER_FILES).max(allowed / 2);
    let fits = usize::try_from(available).unwrap_or(usize::MAX).min(wanted);
    if fits < wanted {
        log::warn!(
            "{fits} connections at a time, not {wanted}: the system allows {allowed} open files (ulimit -n)"
        );
    }
    fits
}
