//! How long a client that we wait for may take.

use std::time::Duration;

use actix_web::rt::time::Instant;

use super::limits::SLOWEST;

/// Patience that is used up while a client stands still, and grows again with what it moves. The time that we take
/// ourselves is not held against it.
#[derive(Debug)]
pub(super) struct Pace {
    most: Duration,
    left: Duration,
    /// Since when it is the client that we wait for.
    since: Option<Instant>,
}

impl Pace {
    pub(super) fn new(patience: Duration) -> Self {
        Self {
            most: patience,
            left: patience,
            since: None,
        }
    }

    /// The client stands still.
    pub(super) fn stalled(&mut self) {
        self.since.get_or_insert_with(Instant::now);
    }

    /// The client has moved so many bytes.
    pub(super) fn moved(&mut self, bytes: usize) {
        let Some(since) = self.since.take() else {
            return;
        };
        let earned = Duration::from_secs(bytes as u64) / SLOWEST;
        self.left = self.left.saturating_sub(since.elapsed());
        self.left = (self.left + earned).min(self.most);
    }

    /// When it has taken too long, if we wait for it.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.since.map(|since| since + self.left)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Duration = Duration::from_secs(10);

    #[test]
    fn only_a_client_that_stands_still_can_be_late() {
        let mut pace = Pace::new(PATIENCE);

        assert_eq!(pace.deadline(), None);
        pace.stalled();
        assert!(pace.deadline().is_some());
        pace.moved(1);
        assert_eq!(pace.deadline(), None);
    }

    #[test]
    fn patience_is_used_up_by_waiting_and_earned_by_moving() {
        let mut pace = Pace::new(PATIENCE);
        pace.since = Instant::now().checked_sub(Duration::from_secs(4));

        pace.moved(500);

        // Four seconds were waited, and one was earned.
        assert!(pace.left <= Duration::from_secs(7) && pace.left > Duration::from_secs(6));
        pace.since = Some(Instant::now());
        pace.moved(1_000_000);
        assert_eq!(pace.left, PATIENCE);
    }
}
