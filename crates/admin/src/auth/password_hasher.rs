//! Password hashing on a bounded number of threads, and the minimum time of a failed login.

use std::sync::Arc;
use std::time::{Duration, Instant};

use accounts::password::{self, Verdict};
use actix_web::rt::time::sleep;
use oc_http::{PageError, run_blocking};
use tokio::sync::Semaphore;

/// A failed login takes this long, or a multiple if the hash is expensive or the machine is busy, so that the time doesn't
/// reveal whether the account exists.
const FAILURE_TIME: Duration = Duration::from_millis(600);

/// Hashing takes a core and 19 MB for each password, so only two run at a time.
const CONCURRENT_HASHES: usize = 2;

/// Checks and hashes passwords.
#[derive(Clone)]
pub struct PasswordHasher {
    permits: Arc<Semaphore>,
}

impl Default for PasswordHasher {
    fn default() -> Self {
        Self::new()
    }
}

impl PasswordHasher {
    /// Without work yet.
    #[must_use]
    pub fn new() -> Self {
        Self {
            permits: Arc::new(Semaphore::new(CONCURRENT_HASHES)),
        }
    }

    /// The hash of a new password.
    pub(crate) async fn hash(&self, password: String) -> Result<String, PageError> {
        self.run(move || password::hash(&password)).await
    }

    /// Checks a password against a stored hash.
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
        let _permit = self
            .permits
            .acquire()
            .await
            .map_err(|error| PageError::Internal(error.into()))?;
        run_blocking(work)
            .await
            .map_err(|error| PageError::Internal(error.into()))
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
    use super::*;

    #[test]
    fn failed_logins_end_at_multiples_of_600_ms() {
        for (elapsed, wait) in [(0, 600), (80, 520), (599, 1), (600, 600), (700, 500)] {
            let wait = Duration::from_millis(wait);
            assert_eq!(remaining(Duration::from_millis(elapsed)), wait, "{elapsed}");
        }
    }
}
