//! Shutdown: who asks for it, and how far it is.

use std::sync::Arc;

use actix_web::rt;
use actix_web::rt::signal::unix::{SignalKind, signal};
use anyhow::Context;
use tokio::sync::watch;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Level {
    Running,
    /// Running requests are finished first.
    Graceful,
    Immediate,
}

/// The request to shut down; its clones share it.
#[derive(Debug, Clone)]
pub struct Shutdown(Arc<watch::Sender<Level>>);

impl Default for Shutdown {
    fn default() -> Self {
        Self(Arc::new(watch::Sender::new(Level::Running)))
    }
}

impl Shutdown {
    /// Asks the site to finish what is running and to end.
    pub fn request(&self) {
        self.raise(Level::Graceful);
    }

    /// Asks the site to end at once.
    pub fn force(&self) {
        self.raise(Level::Immediate);
    }

    /// Whether the site was asked to end.
    #[must_use]
    pub fn is_requested(&self) -> bool {
        *self.0.borrow() >= Level::Graceful
    }

    /// Waits until the site is asked to end.
    pub async fn requested(&self) {
        self.reached(Level::Graceful).await;
    }

    pub(super) async fn forced(&self) {
        self.reached(Level::Immediate).await;
    }

    fn raise(&self, level: Level) {
        self.0.send_if_modified(|current| {
            let is_higher = level > *current;
            *current = level.max(*current);
            is_higher
        });
    }

    async fn reached(&self, level: Level) {
        let mut levels = self.0.subscribe();
        // The sender lives as long as `self`.
        levels.wait_for(|current| *current >= level).await.ok();
    }
}

/// Shuts down on SIGTERM, SIGINT or SIGHUP; a second one ends the site at once.
///
/// # Errors
/// When signals cannot be received.
pub fn listen_for_signals(shutdown: &Shutdown) -> anyhow::Result<()> {
    let mut kinds = vec![
        ("SIGTERM", SignalKind::terminate()),
        ("SIGINT", SignalKind::interrupt()),
    ];
    if !is_hangup_ignored() {
        kinds.push(("SIGHUP", SignalKind::hangup()));
    }
    for (name, kind) in kinds {
        let mut signals = signal(kind).context("cannot listen for signals")?;
        let shutdown = shutdown.clone();
        rt::spawn(async move {
            while signals.recv().await.is_some() {
                if shutdown.is_requested() {
                    log::warn!("received a second signal, {name}: ending at once");
                    shutdown.force();
                } else {
                    log::info!(
                        "received {name}: shutting down; a second signal ends what still runs"
                    );
                    shutdown.request();
                }
            }
        });
    }
    Ok(())
}

/// Whether SIGHUP was ignored at the start, as `nohup` does it: then it stays ignored.
fn is_hangup_ignored() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status
        .lines()
        .find_map(|line| line.strip_prefix("SigIgn:"))
        .and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    // Bit 0 is signal 1, SIGHUP.
    ignored.is_some_and(|mask| mask & 1 == 1)
}
