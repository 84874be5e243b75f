//! How far the site is on its way out.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::watch;

/// Where the site stands between its start and its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Phase {
    /// It serves.
    Serving,
    /// It was told to stop: it is not ready any more, and every answer is the last of its connection.
    Draining,
    /// It takes no connection any more, and those that wait for a request are ended.
    Closing,
    /// It ends, whatever still runs.
    Over,
}

/// The order to stop, and what still runs.
#[derive(Debug, Clone)]
pub struct Stop(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    phase: watch::Sender<Phase>,
    /// Requests whose head has come that began before the order to stop, and after it.
    running: [AtomicUsize; 2],
    /// Those of them that the site is at work on.
    admitted: AtomicUsize,
}

impl Default for Stop {
    fn default() -> Self {
        Self::new()
    }
}

impl Stop {
    /// No order was given yet.
    #[must_use]
    pub fn new() -> Self {
        Self(Arc::new(Inner {
            phase: watch::Sender::new(Phase::Serving),
            running: [AtomicUsize::new(0), AtomicUsize::new(0)],
            admitted: AtomicUsize::new(0),
        }))
    }

    /// Whether the order to stop was given.
    pub(crate) fn is_stopping(&self) -> bool {
        self.phase() > Phase::Serving
    }

    /// Gives the order to stop; once given it stays.
    pub(crate) fn begin(&self) {
        self.enter(Phase::Draining);
    }

    /// Ends everything at once.
    pub(crate) fn now(&self) {
        self.enter(Phase::Over);
    }

    /// Waits for the order to stop.
    pub(crate) async fn ordered(&self) {
        self.reached(Phase::Draining).await;
    }

    pub(super) fn phase(&self) -> Phase {
        *self.0.phase.borrow()
    }

    /// Goes on to a later phase.
    pub(super) fn enter(&self, next: Phase) {
        self.0.phase.send_if_modified(|phase| {
            let later = next > *phase;
            if later {
                *phase = next;
            }
            later
        });
    }

    /// Waits until that phase has come.
    pub(super) async fn reached(&self, wanted: Phase) {
        let mut phases = self.0.phase.subscribe();
        // The sender lives as long as we do.
        phases.wait_for(|phase| *phase >= wanted).await.ok();
    }

    /// Counts a request as running until the guard is dropped.
    pub(super) fn request(&self) -> Running {
        let late = usize::from(self.is_stopping());
        self.0.running[late].fetch_add(1, Ordering::Relaxed);
        Running {
            stop: self.clone(),
            late,
            is_admitted: false,
        }
    }

    /// How many requests run that began before the order to stop.
    pub(super) fn early_requests(&self) -> usize {
        self.0.running[0].load(Ordering::Relaxed)
    }
}

/// A running request.
#[derive(Debug)]
pub(super) struct Running {
    stop: Stop,
    late: usize,
    is_admitted: bool,
}

impl Running {
    /// Lets the site get to work on it, unless it works on that many already.
    pub(super) fn admit(&mut self, most: usize) -> bool {
        let before = self.stop.0.admitted.fetch_add(1, Ordering::Relaxed);
        self.is_admitted = true;
        before < most
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop.0.running[self.late].fetch_sub(1, Ordering::Relaxed);
        if self.is_admitted {
            self.stop.0.admitted.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_refused_beyond_the_most() {
        let stop = Stop::new();
        let _on_its_way_in = stop.request();
        let mut first = stop.request();
        let mut second = stop.request();
        let mut third = stop.request();

        assert!(first.admit(1));
        assert!(!second.admit(1));
        drop((first, second));
        assert!(third.admit(1));
    }

    #[test]
    fn requests_before_and_after_the_order_are_told_apart() {
        let stop = Stop::new();
        let early = stop.request();
        stop.begin();
        let _late = stop.request();

        assert_eq!(stop.early_requests(), 1);
        drop(early);
        assert_eq!(stop.early_requests(), 0);
    }

    #[test]
    fn there_is_no_way_back() {
        let stop = Stop::new();
        stop.now();

        stop.begin();

        assert_eq!(stop.phase(), Phase::Over);
    }
}
