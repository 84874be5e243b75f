//! Access to the database: permits, time limits, and what an error is.

use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use actix_web::rt::time::timeout;
use anyhow::anyhow;
use diesel::r2d2::R2D2Connection;
use diesel::result::{DatabaseErrorKind, Error};
use futures_util::FutureExt;
use oc_core::hints::is_transient;
use oc_core::timeouts::may_have_timed_out;
use oc_core::{DbConnection, PATIENCE, Pool};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::blocking::run_blocking;
use crate::error::PageError;
use crate::metrics::{Metrics, PoolUsage};

/// Connections that writes leave free for reads, in pools that have more.
const READ_CONNECTIONS: usize = 2;

/// A kind of work, and how long a request waits for it. The server cancels single statements earlier
/// (`oc_core::timeouts`), so the limit is for a server that no longer responds.
#[derive(Debug, Clone, Copy)]
struct Operation {
    writes: bool,
    time_limit: Duration,
}

const READ: Operation = Operation {
    writes: false,
    time_limit: Duration::from_secs(10),
};

const WRITE: Operation = Operation {
    writes: true,
    time_limit: Duration::from_secs(20),
};

const LONG_READ: Operation = Operation {
    time_limit: Duration::from_mins(1),
    ..READ
};

const LONG_WRITE: Operation = Operation {
    time_limit: Duration::from_secs(150),
    ..WRITE
};

/// The right to use a connection. It is held until the work ends, even if the request has ended before.
struct Permit {
    _connection: OwnedSemaphorePermit,
    _writer: Option<OwnedSemaphorePermit>,
}

/// Runs queries on pooled connections, off the async threads. Every wait is bounded.
#[derive(Clone)]
pub struct Db {
    pool: Pool,
    metrics: Metrics,
    connections: Arc<Semaphore>,
    /// Fewer than there are connections, so that writes that wait for a lock never block reads.
    writers: Arc<Semaphore>,
    /// The spare connection of the pool, for one health check at a time.
    health: Arc<Semaphore>,
    queue: Arc<Semaphore>,
    queue_length: usize,
    read_only: bool,
}

impl Db {
    /// At most `queue_length` requests wait for a connection; more are rejected.
    #[must_use]
    pub fn new(pool: Pool, metrics: Metrics, queue_length: usize, read_only: bool) -> Self {
        let connections = pool.max_size() as usize;
        let writers = connections.saturating_sub(READ_CONNECTIONS).max(1);
        Self {
            pool,
            metrics,
            connections: Arc::new(Semaphore::new(connections)),
            writers: Arc::new(Semaphore::new(writers)),
            health: Arc::new(Semaphore::new(1)),
            queue: Arc::new(Semaphore::new(queue_length)),
            queue_length,
            read_only,
        }
    }

    /// Whether the site is read-only.
    #[must_use]
    pub fn is_read_only(&self) -> bool {
        self.read_only
    }

    /// How much of the pool is in use.
    #[must_use]
    pub fn pool_usage(&self) -> PoolUsage {
        let state = self.pool.state();
        PoolUsage {
            open: state.connections,
            idle: state.idle_connections,
            max: self.pool.max_size(),
            waiting: self.queue_length - self.queue.available_permits(),
        }
    }

    /// Runs `work`, which may write.
    ///
    /// # Errors
    /// [`PageError::Overloaded`] when the queue is full; [`PageError::Unavailable`] when no connection becomes free in
    /// time, or the database is away, locked or full; [`PageError::WriteOutcomeUnknown`] when the database did not
    /// reply in time, or the connection broke; otherwise what `work` returns.
    pub async fn run<T, F>(&self, work: F) -> Result<T, PageError>
    where
        T: Send + 'static,
        F: FnOnce(&mut DbConnection) -> Result<T, PageError> + Send + 'static,
    {
        self.queued(WRITE, work).await
    }

    /// As [`Db::run`], for a write of many rows; see [`oc_core::timeouts::raise_statement_timeout`].
    ///
    /// # Errors
    /// As [`Db::run`].
    pub async fn run_long<T, F>(&self, work: F) -> Result<T, PageError>
    where
        T: Send + 'static,
        F: FnOnce(&mut DbConnection) -> Result<T, PageError> + Send + 'static,
    {
        self.queued(LONG_WRITE, work).await
    }

    /// Runs `work`, which only reads. It never waits for writes.
    ///
    /// # Errors
    /// As [`Db::run`], but never [`PageError::WriteOutcomeUnknown`].
    pub async fn read<T, F>(&self, work: F) -> Result<T, PageError>
    where
        T: Send + 'static,
        F: FnOnce(&mut DbConnection) -> Result<T, PageError> + Send + 'static,
    {
        self.queued(READ, work).await
    }

    /// As [`Db::read`], for many rows.
    ///
    /// # Errors
    /// As [`Db::read`].
    pub async fn read_long<T, F>(&self, work: F) -> Result<T, PageError>
    where
        T: Send + 'static,
        F: FnOnce(&mut DbConnection) -> Result<T, PageError> + Send + 'static,
    {
        self.queued(LONG_READ, work).await
    }

    /// As [`Db::read`], on a connection that is reserved for health checks.
    ///
    /// # Errors
    /// As [`Db::read`].
    pub(crate) async fn check<T, F>(&self, work: F) -> Result<T, PageError>
    where
        T: Send + 'static,
        F: FnOnce(&mut DbConnection) -> Result<T, PageError> + Send + 'static,
    {
        let started = Instant::now();
        let permit = Permit {
            _connection: acquire(&self.health).await,
            _writer: None,
        };
        self.run_with(permit, READ, started, work).await
    }

    async fn queued<T, F>(&self, operation: Operation, work: F) -> Result<T, PageError>
    where
        T: Send + 'static,
        F: FnOnce(&mut DbConnection) -> Result<T, PageError> + Send + 'static,
    {
        let started = Instant::now();
        let permit = self.permit(operation).await.inspect_err(|error| {
            self.metrics.pool_wait(started.elapsed());
            self.metrics.database_error(error);
        })?;
        self.run_with(permit, operation, started, work).await
    }

    async fn permit(&self, operation: Operation) -> Result<Permit, PageError> {
        let mut next = pin!(async {
            // In this order: a write that waits for other writes holds nothing that a read needs.
            let writer = match operation.writes {
                true => Some(acquire(&self.writers).await),
                false => None,
            };
            Permit {
                _connection: acquire(&self.connections).await,
                _writer: writer,
            }
        });
        if let Some(permit) = next.as_mut().now_or_never() {
            return Ok(permit);
        }
        let _place = self
            .queue
            .try_acquire()
            .map_err(|_| PageError::Overloaded)?;
        timeout(PATIENCE, next).await.map_err(|_| {
            let seconds = PATIENCE.as_secs();
            PageError::Unavailable(anyhow!("no connection became free within {seconds} s"))
        })
    }

    async fn run_with<T, F>(
        &self,
        permit: Permit,
        operation: Operation,
        started: Instant,
        work: F,
    ) -> Result<T, PageError>
    where
        T: Send + 'static,
        F: FnOnce(&mut DbConnection) -> Result<T, PageError> + Send + 'static,
    {
        let db = self.clone();
        let work = run_blocking(move || {
            let _permit = permit;
            let began = Instant::now();
            let outcome = db.work(operation, started, work);
            if operation.writes && began.elapsed() > operation.time_limit {
                log_late_outcome(outcome.as_ref().err(), began.elapsed());
            }
            outcome
        });
        let outcome = match timeout(operation.time_limit, work).await {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(error)) => Err(PageError::Internal(error.into())),
            Err(_) => Err(no_reply(operation)),
        };
        outcome.inspect_err(|error| self.metrics.database_error(error))
    }

    /// The part that blocks.
    fn work<T>(
        &self,
        operation: Operation,
        started: Instant,
        work: impl FnOnce(&mut DbConnection) -> Result<T, PageError>,
    ) -> Result<T, PageError> {
        let conn = self.pool.get();
        self.metrics.pool_wait(started.elapsed());
        let mut conn = conn.map_err(|error| PageError::Unavailable(error.into()))?;
        let began = Instant::now();
        work(&mut conn).map_err(|error| self.classify(operation, error, &mut conn, began.elapsed()))
    }

    /// Decides what a database error is. `elapsed` is how long the work took.
    fn classify(
        &self,
        operation: Operation,
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
        } else if is_closed && operation.writes {
            PageError::WriteOutcomeUnknown(cause)
        } else if is_transient(error) || is_cancelled || conn.ping().is_err() {
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

fn no_reply(operation: Operation) -> PageError {
    let seconds = operation.time_limit.as_secs();
    let error = anyhow!("the database does not answer within {seconds} s");
    if operation.writes {
        PageError::WriteOutcomeUnknown(error)
    } else {
        PageError::Unavailable(error)
    }
}

/// Logs the outcome of a write whose request was told that it is unknown.
fn log_late_outcome(error: Option<&PageError>, elapsed: Duration) {
    let seconds = elapsed.as_secs();
    match error {
        None => log::warn!("a write that had timed out was committed after {seconds} s"),
        Some(error) => log::warn!("a write that had timed out failed after {seconds} s: {error}"),
    }
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
        assert_eq!(db.pool_usage().waiting, 1);

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
        for operation in [READ, WRITE] {
            let (resume, work) = blocked();
            let operation = Operation {
                time_limit: Duration::from_millis(10),
                ..operation
            };

            let outcome = db.queued(operation, work).await;

            match outcome {
                Err(PageError::WriteOutcomeUnknown(_)) => assert!(operation.writes),
                Err(PageError::Unavailable(_)) => assert!(!operation.writes),
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
