//! Who may use a connection next. Whoever waits for one keeps no thread waiting.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use actix_web::rt::time::timeout;
use tokio::sync::{AcquireError, OwnedSemaphorePermit, Semaphore};

/// Connections that are kept for reading, where there are so many.
const FOR_READING: usize = 2;

/// A turn for each connection, and one for the spare connection.
#[derive(Clone)]
pub(super) struct Turns {
    all: Arc<Semaphore>,
    /// Fewer than there are connections: writers who wait for a lock must not keep readers waiting.
    writers: Arc<Semaphore>,
    /// For the question whether the database is well, which must not wait for whoever waits for a lock.
    spare: Arc<Semaphore>,
    waiting: Arc<AtomicUsize>,
    longest_queue: usize,
}

/// The right to use a connection, given back when this is dropped.
pub(super) struct Turn {
    _any: OwnedSemaphorePermit,
    _among_writers: Option<OwnedSemaphorePermit>,
}

/// Why somebody gets no turn.
pub(super) enum NoTurn {
    /// The queue is full.
    Full,
    /// It took too long.
    Late,
}

impl Turns {
    /// Turns for that many connections; at most `longest_queue` wait at a time.
    pub(super) fn new(connections: usize, longest_queue: usize) -> Self {
        let writers = connections.saturating_sub(FOR_READING).max(1);
        Self {
            all: Arc::new(Semaphore::new(connections)),
            writers: Arc::new(Semaphore::new(writers)),
            spare: Arc::new(Semaphore::new(1)),
            waiting: Arc::default(),
            longest_queue,
        }
    }

    /// How many wait.
    pub(super) fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Relaxed)
    }

    /// The turn that is kept for a question, unless one has it already.
    pub(super) fn spare(&self) -> Option<Turn> {
        let turn = Arc::clone(&self.spare).try_acquire_owned().ok()?;
        Some(Turn {
            _any: turn,
            _among_writers: None,
        })
    }

    /// Waits for a turn, but neither behind too many others nor for too long.
    pub(super) async fn take(&self, writes: bool, patience: Duration) -> Result<Turn, NoTurn> {
        if let Some(turn) = self.free(writes) {
            return Ok(turn);
        }
        let _waiting = Waiting::queue(&self.waiting, self.longest_queue).ok_or(NoTurn::Full)?;
        match timeout(patience, self.next(writes)).await {
            Ok(Ok(turn)) => Ok(turn),
            Ok(Err(_)) | Err(_) => Err(NoTurn::Late),
        }
    }

    fn free(&self, writes: bool) -> Option<Turn> {
        let among_writers = if writes {
            Some(Arc::clone(&self.writers).try_acquire_owned().ok()?)
        } else {
            None
        };
        let any = Arc::clone(&self.all).try_acquire_owned().ok()?;
        Some(Turn {
            _any: any,
            _among_writers: among_writers,
        })
    }

    async fn next(&self, writes: bool) -> Result<Turn, AcquireError> {
        // In this order: a writer who waits for others to have written holds nothing that a reader needs.
        let among_writers = if writes {
            Some(Arc::clone(&self.writers).acquire_owned().await?)
        } else {
            None
        };
        let any = Arc::clone(&self.all).acquire_owned().await?;
        Ok(Turn {
            _any: any,
            _among_writers: among_writers,
        })
    }
}

/// A place in the queue, given back when this is dropped.
struct Waiting(Arc<AtomicUsize>);

impl Waiting {
    fn queue(count: &Arc<AtomicUsize>, most: usize) -> Option<Self> {
        let before = count.fetch_add(1, Ordering::Relaxed);
        let place = Self(Arc::clone(count));
        (before < most).then_some(place)
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[actix_web::test]
    async fn writers_leave_connections_to_readers() {
        let turns = Turns::new(4, 10);

        let writers = [turns.free(true), turns.free(true), turns.free(true)];
        let readers = [turns.free(false), turns.free(false), turns.free(false)];

        assert_eq!(writers.iter().flatten().count(), 2);
        assert_eq!(readers.iter().flatten().count(), 2);
    }

    #[actix_web::test]
    async fn a_small_pool_has_a_turn_for_a_writer() {
        for connections in [1, 2, 3] {
            let turns = Turns::new(connections, 10);

            let writers = [turns.free(true), turns.free(true)];

            assert_eq!(writers.iter().flatten().count(), 1);
        }
    }
}
