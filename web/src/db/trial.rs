//! Trying whether a database that has been silent answers again: once at a time, however many want to know.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use actix_web::rt::time::timeout;
use tokio::sync::watch;

/// How long whoever wants to know waits for it: no longer than a database takes that is well.
const HARDLY: Duration = Duration::from_millis(100);

/// The trial that was made last.
#[derive(Clone)]
pub(super) struct Trial {
    last: Arc<Mutex<Option<UnderWay>>>,
    patience: Duration,
}

#[derive(Clone)]
struct UnderWay {
    since: Instant,
    /// Whether there was an answer. The other end is dropped when it is over.
    answered: watch::Receiver<bool>,
}

impl Trial {
    /// There is none yet.
    pub(super) fn new() -> Self {
        Self::with(HARDLY)
    }

    pub(super) fn with(patience: Duration) -> Self {
        Self {
            last: Arc::default(),
            patience,
        }
    }

    /// Whether the trial that is under way, or the one that `start` begins, has an answer.
    pub(super) async fn succeeds(&self, start: impl FnOnce(watch::Sender<bool>)) -> bool {
        let UnderWay {
            since,
            mut answered,
        } = self.under_way(start);
        let rest = self.patience.saturating_sub(since.elapsed());
        let answer = timeout(rest, answered.wait_for(|answered| *answered)).await;
        matches!(answer, Ok(Ok(_)))
    }

    fn under_way(&self, start: impl FnOnce(watch::Sender<bool>)) -> UnderWay {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(trial) = last.as_ref()
            && trial.answered.has_changed().is_ok()
        {
            return trial.clone();
        }
        let (sender, answered) = watch::channel(false);
        start(sender);
        last.insert(UnderWay {
            since: Instant::now(),
            answered,
        })
        .clone()
    }
}
