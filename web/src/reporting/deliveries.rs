//! Whether reports arrive.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// Of this process: there is one client in it, as Sentry wants it.
pub(crate) static DELIVERIES: Deliveries = Deliveries {
    arrived: AtomicU64::new(0),
    lost: AtomicU64::new(0),
    failing: AtomicBool::new(false),
    reason: Mutex::new(String::new()),
};

/// How many reports arrived, and why the last one did not.
pub(crate) struct Deliveries {
    arrived: AtomicU64,
    lost: AtomicU64,
    failing: AtomicBool,
    reason: Mutex<String>,
}

impl Deliveries {
    /// How many arrived.
    pub(crate) fn arrived(&self) -> u64 {
        self.arrived.load(Ordering::Relaxed)
    }

    /// How many were sent and did not arrive.
    pub(crate) fn lost(&self) -> u64 {
        self.lost.load(Ordering::Relaxed)
    }

    /// Why the last one did not arrive, if it did not.
    pub(crate) fn trouble(&self) -> Option<String> {
        let failing = self.failing.load(Ordering::Relaxed);
        let reason = self.reason.lock().ok().filter(|_| failing);
        reason.map(|reason| reason.clone())
    }

    pub(super) fn succeeded(&self) {
        self.arrived.fetch_add(1, Ordering::Relaxed);
        if self.failing.swap(false, Ordering::Relaxed) {
            log::info!("reports reach Sentry again");
        }
    }

    /// Told once, until one arrives again.
    pub(super) fn failed(&self, reason: &str) {
        self.lost.fetch_add(1, Ordering::Relaxed);
        if let Ok(mut last) = self.reason.lock() {
            reason.clone_into(&mut last);
        }
        if !self.failing.swap(true, Ordering::Relaxed) {
            log::warn!("reports do not reach Sentry: {reason}");
        }
    }
}
