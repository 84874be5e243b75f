//! Word to the service manager (systemd) of how it goes: ready, alive, stopping.
//!
//! Its variables are part of its protocol and read by the crate that speaks it; without them nothing is said.

use std::time::Duration;

use actix_web::rt;
use actix_web::rt::time::sleep;
use sd_notify::NotifyState;

use oc_http::server::{Heartbeat, Shutdown};

/// How long a worker may take to give a sign.
const WORKER_PATIENCE: Duration = Duration::from_secs(5);

/// Says that the site is ready, and from then on that it is alive, until it stops.
pub(crate) fn accompany(heartbeat: Heartbeat, shutdown: &Shutdown) {
    tell(&[NotifyState::Ready]);
    let shutdown = shutdown.clone();
    rt::spawn(async move {
        shutdown.requested().await;
        tell(&[NotifyState::Stopping]);
    });
    if let Some(patience) = sd_notify::watchdog_enabled() {
        rt::spawn(async move {
            loop {
                // A site that is stuck does not say that it is alive, and is started anew.
                if heartbeat.is_alive(WORKER_PATIENCE).await {
                    tell(&[NotifyState::Watchdog]);
                } else {
                    log::error!(
                        "a worker is stuck; the service manager is not told that all is well"
                    );
                }
                sleep(patience.max(Duration::from_millis(100)) / 3).await;
            }
        });
    }
}

fn tell(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        log::warn!("the service manager cannot be told {states:?}: {error}");
    }
}
