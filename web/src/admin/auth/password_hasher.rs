//! Checking passwords: on a bounded number of threads, and so that the time of a wrong answer tells nothing.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use accounts::password::{self, Verdict};
use accounts::{User, cost};
use actix_web::rt::time::timeout;
use tokio::sync::Semaphore;

use crate::blocking;
use crate::db::Db;
use crate::error::PageError;
use oc_http::server::Shutdown;

/// How much longer than the dearest check a wrong answer takes at the least, since no check takes the same time twice:
/// as long again, but no longer than this.
const MARGIN: Duration = Duration::from_secs(1);

/// How often each kind of stored hash is checked at the start. The least time counts, since others use the machine too.
const SAMPLES: usize = 3;

/// Limits how many passwords are hashed at a time, since each takes a core for a while.
#[derive(Clone)]
pub(crate) struct PasswordHasher {
    turns: Arc<Semaphore>,
    costs: Arc<Mutex<Costs>>,
    shutdown: Shutdown,
}

/// A password that was checked.
pub(crate) struct Checked {
    pub(crate) verdict: Verdict,
    /// When its turn came.
    pub(crate) began: Instant,
}

impl PasswordHasher {
    /// As many at a time as there are processors.
    pub(crate) fn new(shutdown: Shutdown) -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Self {
            turns: Arc::new(Semaphore::new(cores)),
            costs: Arc::default(),
            shutdown,
        }
    }

    /// Runs `work` on a thread that may block, when its turn comes.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, PageError> {
        let _turn = self
            .turns
            .acquire()
            .await
            .map_err(|error| PageError::Internal(error.into()))?;
        blocking::run(work)
            .await
            .map_err(|error| PageError::Internal(error.into()))
    }

    /// Whether a password has that hash, when its turn comes; and remembers what it took.
    pub(crate) async fn check(&self, typed: String, stored: String) -> Result<Checked, PageError> {
        let costs = Arc::clone(&self.costs);
        self.run(move || {
            let is_hashed = typed.chars().count() <= password::LONGEST;
            let began = Instant::now();
            let verdict = password::verify(&typed, &stored);
            if is_hashed {
                let mut costs = costs.lock().unwrap_or_else(PoisonError::into_inner);
                costs.note(cost::kind(&stored), began.elapsed());
            }
            Checked { verdict, began }
        })
        .await
    }

    /// Finds out what the stored hashes cost, each kind that is not known yet. What ours cost shows at the first attempt.
    pub(crate) async fn measure(&self, db: &Db) -> Result<(), PageError> {
        let mut kinds = db
            .read_long(|conn| Ok(User::password_of_each_kind(conn)?))
            .await?;
        kinds.remove(&cost::kind(password::UNUSABLE));
        {
            let costs = self.costs.lock().unwrap_or_else(PoisonError::into_inner);
            kinds.retain(|kind, _| !costs.0.contains_key(kind));
        }
        for stored in kinds.into_values() {
            for _ in 0..SAMPLES {
                if self.shutdown.is_requested() {
                    return Ok(());
                }
                self.check(String::new(), stored.clone()).await?;
            }
        }
        Ok(())
    }

    /// Holds a wrong answer back whose check began then, until the dearest check of any account would have been done.
    /// That takes neither a thread nor a connection, and ends when the site is told to stop.
    pub(crate) async fn hold_back(&self, began: Instant) {
        let least = {
            let costs = self.costs.lock().unwrap_or_else(PoisonError::into_inner);
            costs.least()
        };
        let wait = left(least, began.elapsed());
        // Either the time is over or the site stops.
        timeout(wait, self.shutdown.requested()).await.ok();
    }
}

/// What checks of each kind of hash have taken at the least.
#[derive(Debug, Default)]
struct Costs(BTreeMap<String, Duration>);

impl Costs {
    fn note(&mut self, kind: String, took: Duration) {
        let least = self.0.entry(kind).or_insert(took);
        *least = took.min(*least);
    }

    /// What a wrong answer takes at the least.
    fn least(&self) -> Duration {
        let dearest = self.0.values().max().copied().unwrap_or_default();
        dearest + dearest.min(MARGIN)
    }
}

/// How long to wait yet after so much time. What has taken longer than the least waits for the next multiple of it, so
/// that a busy machine does not tell either.
fn left(least: Duration, elapsed: Duration) -> Duration {
    if least.is_zero() {
        return least;
    }
    let beyond = elapsed.as_nanos() % least.as_nanos();
    let beyond = Duration::from_nanos(u64::try_from(beyond).unwrap_or_default());
    least.saturating_sub(beyond)
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    #[test]
    fn the_dearest_kind_of_hash_says_how_long_a_wrong_answer_takes() {
        let mut costs = Costs::default();
        assert_eq!(costs.least(), ms(0));

        costs.note("cheap".to_owned(), ms(80));
        assert_eq!(costs.least(), ms(160));
        costs.note("dear".to_owned(), ms(900));
        costs.note("dear".to_owned(), ms(220));
        costs.note("dear".to_owned(), ms(300));
        assert_eq!(costs.least(), ms(440));
        costs.note("dearest".to_owned(), ms(5_000));
        assert_eq!(costs.least(), ms(6_000));
    }

    #[test]
    fn whatever_a_check_took_the_answer_comes_at_a_multiple() {
        for (elapsed, wait) in [(0, 440), (80, 360), (220, 220), (439, 1), (500, 380)] {
            assert_eq!(left(ms(440), ms(elapsed)), ms(wait), "{elapsed}");
        }
        assert_eq!(left(ms(0), ms(80)), ms(0));
    }

    #[actix_web::test]
    async fn a_site_that_stops_holds_no_answer_back() -> anyhow::Result<()> {
        let shutdown = Shutdown::default();
        let hasher = PasswordHasher::new(shutdown.clone());
        hasher
            .costs
            .lock()
            .map_err(|error| anyhow::anyhow!("{error}"))?
            .note("dear".to_owned(), Duration::from_hours(1));
        shutdown.request();

        hasher.hold_back(Instant::now()).await;
        Ok(())
    }
}
