//! Signals that shut the site down.

use actix_web::rt;
use actix_web::rt::signal::unix::{SignalKind, signal};
use anyhow::Context;
use tokio_util::sync::CancellationToken;

/// Two tokens: the first SIGTERM, SIGINT or SIGHUP cancels one, for a graceful shutdown; the second cancels the other,
/// for an immediate one.
pub fn listen_for_signals() -> anyhow::Result<(CancellationToken, CancellationToken)> {
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
