//! The process: signals, the listening socket, open files, and notifications to systemd.

use std::net::TcpListener;
use std::time::Duration;

use actix_web::rt;
use actix_web::rt::signal::unix::{SignalKind, signal};
use actix_web::rt::time::sleep;
use anyhow::Context;
use listenfd::ListenFd;
use oc_http::server::{CancellationToken, Heartbeat};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use sd_notify::NotifyState;

/// Connections that may wait to be accepted; the system may have a lower limit.
const BACKLOG: i32 = 4096;

/// Open files that are not connections: database, log, threads.
const OTHER_FILES: u64 = 256;

/// How long the workers may take to show that they are alive.
const HEARTBEAT_TIMEOUT: Duration = Duration::from_secs(5);

/// Two tokens: the first SIGTERM, SIGINT or SIGHUP cancels one, for a graceful shutdown; the second cancels the other,
/// for an immediate one.
pub(crate) fn listen_for_signals() -> anyhow::Result<(CancellationToken, CancellationToken)> {
    let (graceful, immediate) = (CancellationToken::new(), CancellationToken::new());
    for (name, kind) in [
        ("SIGTERM", SignalKind::terminate()),
        ("SIGINT", SignalKind::interrupt()),
        ("SIGHUP", SignalKind::hangup()),
    ] {
        if name == "SIGHUP" && is_hangup_ignored() {
            continue;
        }
        let mut signals = signal(kind).context("cannot listen for signals")?;
        let (graceful, immediate) = (graceful.clone(), immediate.clone());
        rt::spawn(async move {
            while signals.recv().await.is_some() {
                if graceful.is_cancelled() {
                    immediate.cancel();
                    log::warn!("received a second signal, {name}: ending at once");
                } else {
                    graceful.cancel();
                    log::info!("received {name}: shutting down; a second signal ends it at once");
                }
            }
        });
    }
    Ok((graceful, immediate))
}

/// Whether SIGHUP was ignored at the start, as `nohup` does it: then it stays ignored.
fn is_hangup_ignored() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    // Bit 0 is signal 1, SIGHUP.
    mask.is_some_and(|mask| mask & 1 == 1)
}

/// The socket that the service manager passed on, or a new one at that address.
pub(crate) fn bind(host: &str, port: u16) -> anyhow::Result<TcpListener> {
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
pub(crate) fn raise_file_limit(wanted: usize) -> usize {
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

/// Reports that the site is ready, later that it stops, and pings the watchdog while workers are alive.
pub(crate) fn notify_systemd(heartbeat: Heartbeat, shutdown: &CancellationToken) {
    notify(&[NotifyState::Ready]);
    let shutdown = shutdown.clone();
    rt::spawn(async move {
        shutdown.cancelled().await;
        notify(&[NotifyState::Stopping]);
    });
    let Some(interval) = sd_notify::watchdog_enabled() else {
        return;
    };
    rt::spawn(async move {
        loop {
            // Without pings systemd restarts the service.
            if heartbeat.is_alive(HEARTBEAT_TIMEOUT).await {
                notify(&[NotifyState::Watchdog]);
            } else {
                log::error!("worker unresponsive; skipping systemd watchdog ping");
            }
            sleep(interval.max(Duration::from_millis(100)) / 3).await;
        }
    });
}

fn notify(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        log::warn!("could not notify systemd of {states:?}: {error}");
    }
}
