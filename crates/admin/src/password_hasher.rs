//! Password hashing on a bounded number of threads, and the minimum time of a failed login.

use std::time::{Duration, Instant};

use accounts::password::{self, Verdict};
use actix_web::rt::time::sleep;
use oc_http::{PageError, run_blocking};
use tokio::sync::{Semaphore, SemaphorePermit};

/// A failed login takes this long, or a multiple if the hash is expensive or the machine is busy, so that the time doesn't
/// reveal whether the account exists.
const FAILURE_TIME: Duration = Duration::from_millis(600);

/// Hashing takes a core and 19 MB for each password, so only two run at a time.
const CONCURRENT_HASHES: usize = 2;

/// Logins from unknown browsers that may wait for their turn; more are rejected.
const MAX_QUEUED: usize = 64;

const NEVER_CLOSED: &str = "the semaphores are never closed";

/// Checks and hashes passwords.
pub struct PasswordHasher {
    permits: Semaphore,
    /// As many as there are permits: the other unknown browsers wait here, so that a known browser waits for the hashes
    /// that are running at most.
    unknown_browsers: Semaphore,
    queue: Semaphore,
}

impl Default for PasswordHasher {
    fn default() -> Self {
        Self {
            permits: Semaphore::new(CONCURRENT_HASHES),
            unknown_browsers: Semaphore::new(CONCURRENT_HASHES),
            queue: Semaphore::new(MAX_QUEUED),
        }
    }
}

impl PasswordHasher {
    /// Waits until it is this browser's turn to check a password, which ends when the permit is dropped. Known browsers
    /// need none, and don't wait for unknown ones.
    pub(crate) async fn queue(
        &self,
        is_known_browser: bool,
    ) -> Result<Option<SemaphorePermit<'_>>, PageError> {
        if is_known_browser {
            return Ok(None);
        }
        if let Ok(permit) = self.unknown_browsers.try_acquire() {
            return Ok(Some(permit));
        }
        let place = self.queue.try_acquire();
        let _place = place.map_err(|_| PageError::Overloaded)?;
        let permit = self.unknown_browsers.acquire().await;
        Ok(Some(permit.expect(NEVER_CLOSED)))
    }

    pub(crate) async fn hash(&self, password: String) -> Result<String, PageError> {
        self.run(move || password::hash(&password)).await
    }

    pub(crate) async fn verify(
        &self,
        password: String,
        stored: String,
    ) -> Result<Verdict, PageError> {
        self.run(move || password::verify(&password, &stored)).await
    }

    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, PageError> {
        let _permit = self.permits.acquire().await.expect(NEVER_CLOSED);
        Ok(run_blocking(work).await?)
    }
}

/// Waits until a failed login that began at `start` may be answered.
pub(crate) async fn equalize_timing(start: Instant) {
    sleep(remaining(start.elapsed())).await;
}

fn remaining(elapsed: Duration) -> Duration {
    let beyond = elapsed.as_millis() % FAILURE_TIME.as_millis();
    FAILURE_TIME.saturating_sub(Duration::from_millis(
        u64::try_from(beyond).unwrap_or_default(),
    ))
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    #[actix_web::test]
    async fn known_browsers_do_not_wait_for_unknown_ones_whose_queue_is_bounded()
    -> Result<(), PageError> {
        let hasher = PasswordHasher::default();
        let turns = [hasher.queue(false).await?, hasher.queue(false).await?];
        let mut queued: Vec<_> = (0..MAX_QUEUED)
            .map(|_| Box::pin(hasher.queue(false)))
            .collect();
        for turn in &mut queued {
            assert!(turn.as_mut().now_or_never().is_none());
        }

        let rejected = hasher.queue(false).await;
        let known = hasher.queue(true).now_or_never();
        drop(turns);

        assert!(matches!(rejected, Err(PageError::Overloaded)));
        assert!(matches!(known, Some(Ok(_))));
        assert!(matches!(queued[0].as_mut().now_or_never(), Some(Ok(_))));
        Ok(())
    }

    #[test]
    fn failed_logins_end_at_multiples_of_600_ms() {
        for (elapsed, wait) in [(0, 600), (80, 520), (599, 1), (600, 600), (700, 500)] {
            let wait = Duration::from_millis(wait);
            assert_eq!(remaining(Duration::from_millis(elapsed)), wait, "{elapsed}");
        }
    }
}
