//! Work that nobody waits for any more, and that still keeps a connection.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// A database that has said nothing to anybody for so long, while it owes an answer, is taken for silent.
const SILENCE: Duration = Duration::from_secs(5);

/// How much of it there is, and when the database said something last.
#[derive(Clone)]
pub(super) struct Overdue {
    count: Arc<AtomicUsize>,
    began: Instant,
    silence: Duration,
    /// Milliseconds since then.
    last_word: Arc<AtomicU64>,
    /// The same of what was written last, rounded up: 0 as long as nothing was.
    last_write: Arc<AtomicU64>,
}

const RUNNING: u8 = 0;
const GIVEN_UP: u8 = 1;
const DONE: u8 = 2;

/// One piece of work. A copy is of the same.
#[derive(Clone)]
pub(super) struct Progress {
    state: Arc<AtomicU8>,
    overdue: Overdue,
}

impl Overdue {
    /// There is none yet.
    pub(super) fn new() -> Self {
        Self::with(SILENCE)
    }

    pub(super) fn with(silence: Duration) -> Self {
        Self {
            count: Arc::default(),
            began: Instant::now(),
            silence,
            last_word: Arc::default(),
            last_write: Arc::default(),
        }
    }

    /// Whether the database leaves something unanswered for too long just now.
    pub(super) fn any(&self) -> bool {
        self.count.load(Ordering::SeqCst) > 0
    }

    /// Whether it answers nobody, as far as anybody knows.
    pub(super) fn is_silent(&self) -> bool {
        let last_word = Duration::from_millis(self.last_word.load(Ordering::SeqCst));
        self.any() && self.began.elapsed().saturating_sub(last_word) > self.silence
    }

    /// Whether anything was written since then.
    pub(super) fn any_written_since(&self, time: Instant) -> bool {
        let time = time.saturating_duration_since(self.began);
        self.last_write.load(Ordering::SeqCst) > milliseconds(time)
    }

    /// Work that begins.
    pub(super) fn begin(&self) -> Progress {
        Progress {
            state: Arc::new(AtomicU8::new(RUNNING)),
            overdue: self.clone(),
        }
    }
}

impl Progress {
    /// Nobody waits for it any more.
    pub(super) fn give_up(&self) {
        // Counted before, so that it is never taken away before it was added.
        self.overdue.count.fetch_add(1, Ordering::SeqCst);
        if self.state.swap(GIVEN_UP, Ordering::SeqCst) == DONE {
            self.overdue.count.fetch_sub(1, Ordering::SeqCst);
        }
    }

    /// The database said something.
    pub(super) fn is_answered(&self) {
        let since = milliseconds(self.overdue.began.elapsed());
        self.overdue.last_word.store(since, Ordering::SeqCst);
    }

    /// Something was written.
    pub(super) fn is_written(&self) {
        let since = milliseconds(self.overdue.began.elapsed());
        let rounded_up = since.saturating_add(1);
        self.overdue.last_write.store(rounded_up, Ordering::SeqCst);
    }

    /// It is over; says whether somebody still waits for it.
    pub(super) fn is_awaited_at_end(&self) -> bool {
        let given_up = self.state.swap(DONE, Ordering::SeqCst) == GIVEN_UP;
        if given_up {
            self.overdue.count.fetch_sub(1, Ordering::SeqCst);
        }
        !given_up
    }
}

fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_is_overdue_from_when_it_is_given_up_until_it_is_done() {
        let overdue = Overdue::new();
        let (late, quick) = (overdue.begin(), overdue.begin());

        assert!(quick.is_awaited_at_end() && !overdue.any());
        quick.give_up();
        assert!(!overdue.any());
        late.give_up();
        assert!(overdue.any() && !overdue.is_silent());
        assert!(!late.is_awaited_at_end() && !overdue.any());
    }

    #[test]
    fn it_is_known_whether_anything_was_written_since() {
        let overdue = Overdue::new();
        let later = Instant::now() + Duration::from_secs(1);
        overdue.begin().is_answered();
        assert!(!overdue.any_written_since(later));

        overdue.last_write.store(2000, Ordering::SeqCst);

        assert!(overdue.any_written_since(later));
    }
}
