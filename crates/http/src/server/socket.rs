//! Listening socket, and the limit on open files.

use std::net::TcpListener;

use anyhow::Context;
use listenfd::ListenFd;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Connections that may wait to be accepted; the system may have a lower limit.
const BACKLOG: i32 = 4096;

/// Open files that are not connections: database, log, threads.
const OTHER_FILES: u64 = 256;

/// The socket that the service manager passed on, or a new one at that address.
pub fn bind(host: &str, port: u16) -> anyhow::Result<TcpListener> {
    let passed = ListenFd::from_env().take_tcp_listener(0);
    if let Some(listener) = passed.context("the socket that was passed on is not a TCP socket")? {
        return Ok(listener);
    }
    let listener = TcpListener::bind((host, port))
        .with_context(|| format!("cannot listen on {host}:{port}"))?;
    rustix::net::listen(&listener, BACKLOG).context("cannot listen")?;
    Ok(listener)
}

/// Raises the limit on open files to the maximum, and returns how many of the wanted connections fit.
#[must_use]
pub fn raise_file_limit(wanted: usize) -> usize {
    let maximum = getrlimit(Resource::Nofile).maximum;
    // If the system refuses, the limit stays as it was.
    let current = maximum;
    setrlimit(Resource::Nofile, Rlimit { current, maximum }).ok();
    let allowed = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
    // If only few files are allowed, half of them are for connections.
    let fits = allowed.saturating_sub(OTHER_FILES).max(allowed / 2);
    if fits >= wanted as u64 {
        return wanted;
    }
    log::warn!(
        "{fits} connections at a time, not {wanted}: the system allows {allowed} open files (ulimit -n)"
    );
    usize::try_from(fits).unwrap_or(wanted)
}
