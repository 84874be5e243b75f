//! What the system says to a process: stop.

use actix_web::rt;
use actix_web::rt::signal::unix::{Signal, SignalKind, signal};
use anyhow::Context;
use tokio::select;

use super::stop::Stop;

/// Gives the order to stop at SIGTERM and SIGINT; a second one ends the site at once.
///
/// # Errors
/// When the signals cannot be heard.
pub(crate) fn stop_on_signals(stop: Stop) -> anyhow::Result<()> {
    let hear = |kind| signal(kind).context("cannot hear signals");
    let mut terminate = hear(SignalKind::terminate())?;
    let mut interrupt = hear(SignalKind::interrupt())?;
    rt::spawn(async move {
        let name = next(&mut terminate, &mut interrupt).await;
        log::info!("stopping at {name}; a second one ends what still runs");
        stop.begin();
        let name = next(&mut terminate, &mut interrupt).await;
        log::warn!("ending at a second {name}");
        stop.now();
    });
    Ok(())
}

async fn next(terminate: &mut Signal, interrupt: &mut Signal) -> &'static str {
    select! {
        _ = terminate.recv() => "SIGTERM",
        _ = interrupt.recv() => "SIGINT",
    }
}
