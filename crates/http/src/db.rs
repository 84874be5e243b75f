//! Access to the database: permits, time limits, and what an error is.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use actix_web::rt::time::timeout;
use anyhow::anyhow;
use diesel::result::{DatabaseErrorKind, Error};
use futures_util::FutureExt;
use oc_core::hints::is_transient;
use oc_core::timeouts::may_have_timed_out;
use oc_core::{DbConnection, PATIENCE, Pool};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::blocking::run_blocking;
use crate::error::PageError;
use crate::metrics::Metrics;

/// Connections that writes leave free for reads, in pools that have more.
const READ_CONNECTIONS: usize = 2;

// How long a request waits for work. The server cancels single statements earlier (`oc_core::timeouts`), so these are
// for a server that no longer responds.
const READ_LIMIT: Duration = Duration::from_secs(10);
const WRITE_LIMIT: Duration = Duration::from_secs(20);
const LONG_READ_LIMIT: Duration = Duration::from_mins(1);
const LONG_WRITE_LIMIT: Duration = Duration::from_secs(150);

/// Work on a connection.
pub trait Work<T>: FnOnce(&mut DbConnection) -> Result<T, PageError> + Send + 'static {}

impl<T, F: FnOnce(&mut DbConnection) -> Result<T, PageError> + Send + 'static> Work<T> for F {}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Access {
    Read,
    Write,
    /// Reads on the spare connection of the pool, one at a time.
    HealthCheck,
}

/// The right to use a connection, and to write. Held until the work ends, even if the request has ended before.
type Permit = (OwnedSemaphorePermit, Option<OwnedSemaphorePermit>);

/// Runs queries on pooled connections, off the async threads. Every wait is bounded.
#[derive(Clone)]
pub struct Db {
    pool: Pool,
    metrics: Metrics,
    connections: Arc<Semaphore>,
    /// Fewer than there are connections, so that writes that wait for a lock never block reads.
    writers: Arc<Semaphore>,
    health: Arc<Semaphore>,
    queue: Arc<Semaphore>,
    queue_length: usize,
    read_only: bool,
    writes: Arc<AtomicU64>,
}

impl Db {
    /// At most `queue_length` requests wait for a connection; more are rejected.
    pub fn new(pool: Pool, metrics: Metrics, queue_length: usize, read_only: bool) -> Self {
        let connections = pool.max_size() as usize;
        let writers = connections.saturating_sub(READ_CONNECTIONS).max(1);
        let semaphore = |permits| Arc::new(Semaphore::new(permits));
        Self {
            pool,
            metrics,
            connections: semaphore(connections),
            writers: semaphore(writers),
            health: semaphore(1),
            queue: semaphore(queue_length),
            queue_length,
            read_only,
            writes: Arc::default(),
        }
    }

    /// How many writes have ended in this process, whatever their outcome.
    pub(crate) fn writes(&self) -> u64 {
        self.writes.load(Ordering::Acquire)
    }

    /// Whether the site is read-only.
    pub fn is_read_only(&self) -> bool {
        self.read_only
    }

    /// Requests that wait for a connection.
    fn waiting(&self) -> usize {
        self.queue_length - self.queue.available_permits()
    }

    /// Updates the metrics of the pool.
    pub(crate) fn record_pool(&self) {
        self.metrics.pool(&self.pool, self.waiting());
    }

    /// Runs `work`, which may write. Besides errors of `work`, it returns [`PageError::Overloaded`],
    /// [`PageError::Unavailable`], [`PageError::WriteOutcomeUnknown`] and [`PageError::ReadOnly`].
    pub async fn run<T: Send + 'static>(&self, work: impl Work<T>) -> Result<T, PageError> {
        self.execute(Access::Write, WRITE_LIMIT, work).await
    }

    /// As [`Db::run`], for many rows; see [`oc_core::timeouts::raise_statement_timeout`].
    pub async fn run_long<T: Send + 'static>(&self, work: impl Work<T>) -> Result<T, PageError> {
        self.execute(Access::Write, LONG_WRITE_LIMIT, work).await
    }

    /// Runs `work`, which only reads. It never waits for writes.
    pub async fn read<T: Send + 'static>(&self, work: impl Work<T>) -> Result<T, PageError> {
        self.execute(Access::Read, READ_LIMIT, work).await
    }

    /// As [`Db::read`], for many rows.
    pub async fn read_long<T: Send + 'static>(&self, work: impl Work<T>) -> Result<T, PageError> {
        self.execute(Access::Read, LONG_READ_LIMIT, work).await
    }

    /// As [`Db::read`], on a connection that is reserved for health checks.
    pub(crate) async fn check<T: Send + 'static>(
        &self,
        work: impl Work<T>,
    ) -> Result<T, PageError> {
        self.execute(Access::HealthCheck, READ_LIMIT, work).await
    }

    /// Waits in the queue for a connection.
    async fn permit(&self, access: Access) -> Result<Permit, PageError> {
        if access == Access::HealthCheck {
            return Ok((acquire(&self.health).await, None));
        }
        let mut permit = pin!(async {
            // In this order: a write that waits for other writes holds nothing that a read needs.
            let writer = match access {
                Access::Write => Some(acquire(&self.writers).await),
                _ => None,
            };
            (acquire(&self.connections).await, writer)
        });
        if let Some(permit) = permit.as_mut().now_or_never() {
            return Ok(permit);
        }
        let place = self.queue.try_acquire();
        let _place = place.map_err(|_| PageError::Overloaded)?;
        timeout(PATIENCE, permit).await.map_err(|_| {
            let seconds = PATIENCE.as_secs();
            PageError::Unavailable(anyhow!("no connection became free within {seconds} s"))
        })
    }

    async fn execute<T: Send + 'static>(
        &self,
        access: Access,
        limit: Duration,
        work: impl Work<T>,
    ) -> Result<T, PageError> {
        let outcome = self.run_within(limit, access, work).await;
        outcome.inspect_err(|error| self.metrics.database_error(error))
    }

    async fn run_within<T: Send + 'static>(
        &self,
        limit: Duration,
        access: Access,
        work: impl Work<T>,
    ) -> Result<T, PageError> {
        let started = Instant::now();
        let permit = self.permit(access).await;
        let waited = started.elapsed().as_secs_f64();
        self.metrics.pool_waits.observe(waited);
        let (permit, db) = (permit?, self.clone());
        let work = run_blocking(move || {
            let _permit = permit;
            let started = Instant::now();
            let conn = db.pool.get();
            let outcome = conn
                .map_err(|error| PageError::Unavailable(error.into()))
                .and_then(|mut conn| {
                    let started = Instant::now();
                    db.pool
                        .run(&mut conn, work)
                        .map_err(|error| db.classify(access, error, &mut conn, started.elapsed()))
                });
            if access == Access::Write {
                db.writes.fetch_add(1, Ordering::AcqRel);
                if started.elapsed() > limit {
                    // The response to the request was that the outcome is unknown.
                    let error = outcome.as_ref().err().map(ToString::to_string);
                    let outcome = error.as_deref().unwrap_or("committed");
                    log::warn!("outcome of a write that had timed out: {outcome}");
                }
            }
            outcome
        });
        let Ok(outcome) = timeout(limit, work).await else {
            let seconds = limit.as_secs();
            let error = anyhow!("the database does not answer within {seconds} s");
            return Err(match access {
                Access::Write => PageError::WriteOutcomeUnknown(error),
                Access::Read | Access::HealthCheck => PageError::Unavailable(error),
            });
        };
        outcome?
    }

    /// Decides what a database error is. `elapsed` is how long the work took.
    fn classify(
        &self,
        access: Access,
        error: PageError,
        conn: &mut DbConnection,
        elapsed: Duration,
    ) -> PageError {
        let PageError::Internal(cause) = error else {
            return error;
        };
        let Some(error) = cause.downcast_ref::<Error>() else {
            return PageError::Internal(cause);
        };
        let is_closed = matches!(
            error,
            Error::DatabaseError(DatabaseErrorKind::ClosedConnection, _)
        );
        let is_cancelled =
            matches!(conn, DbConnection::Postgres(_)) && may_have_timed_out(error, elapsed);
        if self.read_only && is_rejected_write(error) {
            PageError::ReadOnly
        } else if is_closed && access == Access::Write {
            PageError::WriteOutcomeUnknown(cause)
        } else if is_transient(error) || is_cancelled || conn.check().is_err() {
            // The client library doesn't always report a lost connection as one, hence the ping.
            PageError::Unavailable(cause)
        } else {
            PageError::Internal(cause)
        }
    }
}

async fn acquire(semaphore: &Arc<Semaphore>) -> OwnedSemaphorePermit {
    let permit = Arc::clone(semaphore).acquire_owned().await;
    permit.expect("the semaphore is never closed")
}

/// Whether a read-only database rejected a write.
fn is_rejected_write(error: &Error) -> bool {
    let message = error.to_string();
    message.contains("readonly database") || message.contains("read-only transaction")
}

#[cfg(test)]
mod tests {
    use std::future::Future;
    use std::sync::mpsc::{Sender, channel};

    use actix_web::rt::spawn;
    use actix_web::rt::task::{JoinHandle, yield_now};
    use oc_core::connect_pool;
    use oc_core::testing::TestDb;

    use super::*;

    type Outcome<T> = Result<T, PageError>;

    fn db(connections: u32, queue_length: usize) -> anyhow::Result<(Db, TestDb)> {
        let database = TestDb::sqlite()?;
        let pool = connect_pool(database.url().clone(), connections)?;
        let metrics = Metrics::new("", "")?;
        Ok((Db::new(pool, metrics, queue_length, false), database))
    }

    /// Work that blocks its connection until the sender is used.
    fn blocked() -> (
        Sender<()>,
        impl FnOnce(&mut DbConnection) -> Outcome<()> + Send,
    ) {
        let (resume, wait) = channel();
        (resume, move |_| {
            wait.recv().ok();
            Ok(())
        })
    }

    /// Starts a future, and lets it run until it waits.
    async fn start<F: Future + 'static>(future: F) -> JoinHandle<F::Output> {
        let handle = spawn(future);
        yield_now().await;
        handle
    }

    #[actix_web::test]
    async fn a_full_queue_rejects_requests() -> anyhow::Result<()> {
        let (db, _database) = db(1, 1)?;
        let (resume, work) = blocked();
        let (first, second) = (db.clone(), db.clone());
        let running = start(async move { first.run(work).await }).await;
        let waiting = start(async move { second.run(|_| Ok(2)).await }).await;
        assert_eq!(db.waiting(), 1);

        let rejected = db.run(|_| Ok(3)).await;
        resume.send(())?;

        assert!(matches!(rejected, Err(PageError::Overloaded)));
        running.await??;
        assert_eq!(waiting.await??, 2);
        assert_eq!(db.run(|_| Ok(4)).await?, 4);
        Ok(())
    }

    #[actix_web::test]
    async fn a_database_that_does_not_reply_ends_the_request() -> anyhow::Result<()> {
        let (db, _database) = db(1, 1)?;
        for access in [Access::Read, Access::Write] {
            let (resume, work) = blocked();

            let limit = Duration::from_millis(10);
            let outcome = db.execute(access, limit, work).await;

            match outcome {
                Err(PageError::WriteOutcomeUnknown(_)) => assert_eq!(access, Access::Write),
                Err(PageError::Unavailable(_)) => assert_eq!(access, Access::Read),
                other => panic!("{other:?}"),
            }
            // The connection is used again once the database has replied.
            resume.send(())?;
            assert_eq!(db.read(|_| Ok(1)).await?, 1);
        }
        Ok(())
    }

    #[actix_web::test]
    async fn reads_do_not_wait_for_writes() -> anyhow::Result<()> {
        let (db, _database) = db(2, 8)?;
        let (resume, work) = blocked();
        let first = db.clone();
        let mut writes = vec![start(async move { first.run(work).await }).await];
        for _ in 0..3 {
            let db = db.clone();
            writes.push(start(async move { db.run(|_| Ok(())).await }).await);
        }

        let read = db.read(|_| Ok(1)).await?;
        resume.send(())?;

        assert_eq!(read, 1);
        for write in writes {
            write.await??;
        }
        Ok(())
    }

    #[actix_web::test]
    async fn a_health_check_runs_while_every_connection_is_in_use() -> anyhow::Result<()> {
        let (db, _database) = db(1, 8)?;
        let (resume, work) = blocked();
        let first = db.clone();
        let running = start(async move { first.read(work).await }).await;

        let checked = db.check(|_| Ok(1)).await?;
        resume.send(())?;

        assert_eq!(checked, 1);
        running.await??;
        Ok(())
    }
}
