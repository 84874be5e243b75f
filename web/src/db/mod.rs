//! The one door to the database.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use actix_web::rt::time::timeout;
use diesel::r2d2::{PooledConnection, R2D2Connection, State};
use oc_core::advice::is_passing;
use oc_core::{DbConnection, Manager, PATIENCE, Pool};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::blocking;
use crate::error::PageError;
use crate::metrics::Metrics;
use crate::reporting::DatabaseSpan;

/// Runs queries on pooled connections, away from the threads that answer requests.
#[derive(Clone)]
pub(crate) struct Db {
    pool: Pool,
    metrics: Metrics,
    /// A turn for each connection: whoever waits for one keeps no thread waiting.
    turns: Arc<Semaphore>,
    waiting: Arc<AtomicUsize>,
    longest_queue: usize,
    read_only: bool,
}

impl Db {
    /// At most `longest_queue` requests wait for a connection at a time.
    pub(crate) fn new(pool: Pool, metrics: Metrics, longest_queue: usize, read_only: bool) -> Self {
        Self {
            turns: Arc::new(Semaphore::new(pool.max_size() as usize)),
            pool,
            metrics,
            waiting: Arc::default(),
            longest_queue,
            read_only,
        }
    }

    /// Whether nothing may be written.
    pub(crate) fn is_read_only(&self) -> bool {
        self.read_only
    }

    /// How many connections there are, and how many are free.
    pub(crate) fn pool_state(&self) -> State {
        self.pool.state()
    }

    /// The most connections that there may be.
    pub(crate) fn pool_size(&self) -> u32 {
        self.pool.max_size()
    }

    /// How many requests wait for a connection.
    pub(crate) fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Relaxed)
    }

    /// Runs `work` with a connection.
    ///
    /// # Errors
    /// [`PageError::Busy`] when too many wait for one, [`PageError::Unavailable`] when none can be had, when it died
    /// on the way, or when the database is locked or full; else what the query's error stands for.
    pub(crate) async fn run<T, F>(&self, work: F) -> Result<T, PageError>
    where
        T: Send + 'static,
        F: FnOnce(&mut DbConnection) -> Result<T, PageError> + Send + 'static,
    {
        let started = Instant::now();
        let turn = self.turn().await.inspect_err(|error| {
            self.metrics.pool_wait(started.elapsed());
            self.metrics.database_error(error);
        })?;
        let db = self.clone();
        let name = std::any::type_name::<F>();
        blocking::run(move || {
            // Kept until the work is done, also where nobody waits for its outcome any more.
            let _turn = turn;
            let _span = DatabaseSpan::start(name);
            let outcome = db.connection(started).and_then(|mut conn| {
                work(&mut conn).map_err(|error| match error {
                    PageError::Internal(cause) if db.read_only && is_refused_write(&cause) => {
                        PageError::ReadOnly
                    }
                    PageError::Internal(cause) if is_away(&cause, &mut conn) => {
                        PageError::Unavailable(cause)
                    }
                    error => error,
                })
            });
            outcome.inspect_err(|error| db.metrics.database_error(error))
        })
        .await
        .map_err(|error| PageError::Internal(error.into()))?
    }

    /// A connection for whoever has a turn, and has waited since then.
    fn connection(&self, started: Instant) -> Result<PooledConnection<Manager>, PageError> {
        let connection = self.pool.get();
        self.metrics.pool_wait(started.elapsed());
        connection.map_err(|error| PageError::Unavailable(error.into()))
    }

    /// Waits for a turn, but neither behind too many others nor for too long.
    async fn turn(&self) -> Result<OwnedSemaphorePermit, PageError> {
        let turns = Arc::clone(&self.turns);
        if let Ok(turn) = Arc::clone(&turns).try_acquire_owned() {
            return Ok(turn);
        }
        let _waiting = Waiting::queue(&self.waiting, self.longest_queue).ok_or(PageError::Busy)?;
        match timeout(PATIENCE, turns.acquire_owned()).await {
            Ok(turn) => turn.map_err(|error| PageError::Internal(error.into())),
            Err(_) => Err(PageError::Busy),
        }
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

/// Whether an error came because the database went away: the client library does not always say so itself.
fn is_away(cause: &anyhow::Error, conn: &mut DbConnection) -> bool {
    cause
        .downcast_ref()
        .is_some_and(|error| is_passing(error) || conn.ping().is_err())
}

/// Whether a database that may only be read refused to be written.
fn is_refused_write(cause: &anyhow::Error) -> bool {
    let words = cause.to_string();
    words.contains("readonly database") || words.contains("read-only transaction")
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use oc_core::connect_pool;
    use oc_core::testing::TestDb;

    use super::*;

    #[actix_web::test]
    async fn whoever_comes_when_the_queue_is_full_is_told_to_come_again() -> anyhow::Result<()> {
        let database = TestDb::sqlite()?;
        let pool = connect_pool(database.url().clone(), 1)?;
        let db = Db::new(pool, Metrics::new()?, 1, false);
        let (go, wait) = mpsc::channel::<()>();
        let started = Arc::new(tokio::sync::Notify::new());
        let first = {
            let (db, started) = (db.clone(), Arc::clone(&started));
            actix_web::rt::spawn(async move {
                db.run(move |_| {
                    started.notify_one();
                    wait.recv().ok();
                    Ok(1)
                })
                .await
            })
        };
        started.notified().await;
        let second = actix_web::rt::spawn({
            let db = db.clone();
            async move { db.run(|_| Ok(2)).await }
        });
        actix_web::rt::task::yield_now().await;

        let third = db.run(|_| Ok(3)).await;
        go.send(())?;

        assert!(matches!(third, Err(PageError::Busy)));
        assert_eq!((first.await??, second.await??), (1, 2));
        assert_eq!(db.run(|_| Ok(4)).await?, 4);
        Ok(())
    }
}
