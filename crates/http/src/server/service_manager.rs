//! Notifications to systemd: ready, alive, stopping (`sd_notify(3)`). Without systemd they do nothing.

use std::time::Duration;

use actix_web::rt;
use actix_web::rt::time::sleep;
use sd_notify::NotifyState;
use tokio_util::sync::CancellationToken;

use super::http_server::Heartbeat;

/// How long the workers may take to show that they are alive.
const HEARTBEAT_TIMEOUT: Duration = Duration::from_secs(5);

/// Reports that the site is ready, later that it stops, and pings the watchdog while workers are alive.
pub fn notify_systemd(heartbeat: Heartbeat, shutdown: &CancellationToken) {
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
