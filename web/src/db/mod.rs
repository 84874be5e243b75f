//! The one door to the database.

mod overdue;
#[cfg(test)]
mod tests;
mod trial;
mod turns;
mod work;

use std::time::{Duration, Instant};

use actix_web::rt::{self, time::timeout};
use anyhow::anyhow;
use diesel::r2d2::{PooledConnection, R2D2Connection, State};
use diesel::result::{DatabaseErrorKind, Error};
use oc_core::hints::is_transient;
use oc_core::timeouts::may_have_timed_out;
use oc_core::{DbConnection, Manager, Pool};
use tokio::sync::watch;

use self::overdue::Overdue;
use self::trial::Trial;
use self::turns::{NoTurn, Turn, Turns};
use self::work::{Kind, LONG_READ, LONG_WRITE, PROBE, READ, WRITE};
use crate::blocking;
use crate::error::PageError;
use crate::metrics::Metrics;

/// Runs queries on pooled connections, away from the threads that answer requests.
///
/// Nobody waits for ever: neither for a turn, nor for a connection, nor for a database that says nothing any more. What
/// was asked of one goes on until the database says something or the connection breaks; its turn is taken until then.
#[derive(Clone)]
pub(crate) struct Db {
    pool: Pool,
    metrics: Metrics,
    turns: Turns,
    overdue: Overdue,
    trial: Trial,
    read_only: bool,
}

impl Db {
    /// At most `longest_queue` requests wait for a connection at a time.
    pub(crate) fn new(pool: Pool, metrics: Metrics, longest_queue: usize, read_only: bool) -> Self {
        Self {
            turns: Turns::new(pool.max_size() as usize, longest_queue),
            pool,
            metrics,
            overdue: Overdue::new(),
            trial: Trial::new(),
            read_only,
        }
    }

    /// Whether the database owes an answer, and has given nobody one for some seconds.
    pub(crate) fn is_silent(&self) -> bool {
        self.overdue.is_silent()
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
        self.turns.waiting()
    }

    /// Runs `work`, which may write, with a connection.
    ///
    /// # Errors
    /// [`PageError::Busy`] when too many wait for one, [`PageError::Unavailable`] when none can be had, or when the
    /// database is locked or full; [`PageError::Unconfirmed`] when it did not say in time what became of a write, or
    /// died on the way; else what the query's error stands for.
    pub(crate) async fn run<T, F>(&self, work: F) -> Result<T, PageError>
    where
        T: Send + 'static,
        F: FnOnce(&mut DbConnection) -> Result<T, PageError> + Send + 'static,
    {
        self.run_as(WRITE, work).await
    }

    /// The same for a write of many rows; see [`oc_core::timeouts::raise_statement_timeout`].
    pub(crate) async fn run_long<T, F>(&self, work: F) -> Result<T, PageError>
    where
        T: Send + 'static,
        F: FnOnce(&mut DbConnection) -> Result<T, PageError> + Send + 'static,
    {
        self.run_as(LONG_WRITE, work).await
    }

    /// Runs `work`, which only reads, with a connection. Writers who wait for a lock do not keep it waiting.
    ///
    /// # Errors
    /// As [`Db::run`], without what concerns writes: no answer is [`PageError::Unavailable`].
    pub(crate) async fn read<T, F>(&self, work: F) -> Result<T, PageError>
    where
        T: Send + 'static,
        F: FnOnce(&mut DbConnection) -> Result<T, PageError> + Send + 'static,
    {
        self.run_as(READ, work).await
    }

    /// The same for reading much.
    pub(crate) async fn read_long<T, F>(&self, work: F) -> Result<T, PageError>
    where
        T: Send + 'static,
        F: FnOnce(&mut DbConnection) -> Result<T, PageError> + Send + 'static,
    {
        self.run_as(LONG_READ, work).await
    }

    /// The same to find out whether the database is well.
    pub(crate) async fn probe<T, F>(&self, work: F) -> Result<T, PageError>
    where
        T: Send + 'static,
        F: FnOnce(&mut DbConnection) -> Result<T, PageError> + Send + 'static,
    {
        self.run_as(PROBE, work).await
    }

    async fn run_as<T, F>(&self, kind: Kind, work: F) -> Result<T, PageError>
    where
        T: Send + 'static,
        F: FnOnce(&mut DbConnection) -> Result<T, PageError> + Send + 'static,
    {
        let started = Instant::now();
        let turn = self.turn(kind).await.inspect_err(|error| {
            self.metrics.pool_wait(started.elapsed());
            self.metrics.database_error(error);
        })?;
        self.run_in(turn, kind, started, work).await
    }

    /// Does it in that turn, which was asked for then.
    async fn run_in<T, F>(
        &self,
        turn: Turn,
        kind: Kind,
        started: Instant,
        work: F,
    ) -> Result<T, PageError>
    where
        T: Send + 'static,
        F: FnOnce(&mut DbConnection) -> Result<T, PageError> + Send + 'static,
    {
        let progress = self.overdue.begin();
        let (db, running) = (self.clone(), progress.clone());
        let work = blocking::run(move || {
            // Kept until the work is done, also where nobody waits for its outcome any more.
            let _turn = turn;
            let outcome = db.work(kind, started, work);
            if !matches!(outcome, Err(PageError::Unavailable(_))) {
                running.is_answered();
            }
            if kind.writes && outcome.is_ok() {
                running.is_written();
            }
            if running.is_awaited_at_end() {
                return outcome.inspect_err(|error| db.metrics.database_error(error));
            }
            if kind.writes {
                tell_late(outcome.as_ref().err(), started.elapsed());
            }
            outcome
        });
        let Ok(outcome) = timeout(kind.limit, work).await else {
            progress.give_up();
            let error = no_answer(kind);
            self.metrics.database_error(&error);
            return Err(error);
        };
        outcome.map_err(|error| PageError::Internal(error.into()))?
    }

    /// Does it, on a thread that may block.
    fn work<T>(
        &self,
        kind: Kind,
        started: Instant,
        work: impl FnOnce(&mut DbConnection) -> Result<T, PageError>,
    ) -> Result<T, PageError> {
        let mut conn = self.connection(started)?;
        let began = Instant::now();
        work(&mut conn).map_err(|error| self.told(kind, error, &mut conn, began.elapsed()))
    }

    /// What an error means, of work that took so long.
    fn told(
        &self,
        kind: Kind,
        error: PageError,
        conn: &mut DbConnection,
        time: Duration,
    ) -> PageError {
        let PageError::Internal(cause) = error else {
            return error;
        };
        if self.read_only && is_refused_write(&cause) {
            return PageError::ReadOnly;
        }
        let Some(error) = cause.downcast_ref::<Error>() else {
            return PageError::Internal(cause);
        };
        let is_cut = matches!(
            error,
            Error::DatabaseError(DatabaseErrorKind::ClosedConnection, _)
        );
        let is_given_up =
            matches!(conn, DbConnection::Postgres(_)) && may_have_timed_out(error, time);
        if is_cut && kind.writes {
            PageError::Unconfirmed(cause)
        } else if is_transient(error) || is_given_up || conn.ping().is_err() {
            // The client library does not always say so itself when the database went away.
            PageError::Unavailable(cause)
        } else {
            PageError::Internal(cause)
        }
    }

    /// A connection for whoever has a turn, and has waited since then.
    fn connection(&self, started: Instant) -> Result<PooledConnection<Manager>, PageError> {
        let connection = self.pool.get();
        self.metrics.pool_wait(started.elapsed());
        connection.map_err(|error| PageError::Unavailable(error.into()))
    }

    async fn turn(&self, kind: Kind) -> Result<Turn, PageError> {
        if kind.is_probe
            && let Some(turn) = self.turns.spare()
        {
            return Ok(turn);
        }
        let mut patience = kind.patience;
        if self.overdue.is_silent() {
            // Whoever waits for a database that answers nobody waits in vain.
            if !kind.is_probe && !self.answers_again().await {
                return Err(no_answer(READ));
            }
            patience = Duration::ZERO;
        }
        let asked = Instant::now();
        let turn = self.turns.take(kind.writes, patience).await;
        turn.map_err(|none| match none {
            NoTurn::Late if self.overdue.any() => no_answer(READ),
            NoTurn::Late if kind.writes && !self.overdue.any_written_since(asked) => {
                PageError::Unavailable(anyhow!(
                    "nothing could be written for {} s: somebody else holds a lock, or writes much",
                    patience.as_secs()
                ))
            }
            NoTurn::Late | NoTurn::Full => PageError::Busy,
        })
    }

    /// Whether a database that was silent says something again. Hardly waits for it: the next one will hear of it.
    async fn answers_again(&self) -> bool {
        let try_it = |answered: watch::Sender<bool>| {
            let db = self.clone();
            rt::spawn(async move {
                if db.is_answered_once().await {
                    answered.send_replace(true);
                }
            });
        };
        self.trial.succeeds(try_it).await || !self.overdue.is_silent()
    }

    async fn is_answered_once(&self) -> bool {
        let turn = match self.turns.spare() {
            Some(turn) => Ok(turn),
            None => self.turns.take(false, Duration::ZERO).await,
        };
        let Ok(turn) = turn else { return false };
        let ask = |conn: &mut DbConnection| Ok(conn.ping()?);
        let answer = self.run_in(turn, PROBE, Instant::now(), ask).await;
        answer.is_ok()
    }
}

/// The database said nothing within the time for such work.
fn no_answer(kind: Kind) -> PageError {
    let seconds = kind.limit.as_secs();
    if kind.writes {
        PageError::Unconfirmed(anyhow!(
            "the database does not answer: a write was given up after {seconds} s, and may be made all the same"
        ))
    } else {
        PageError::Unavailable(anyhow!("the database does not answer within {seconds} s"))
    }
}

/// Tells what became of a write that nobody waited for any more.
fn tell_late(error: Option<&PageError>, time: Duration) {
    let seconds = time.as_secs();
    match error {
        None => log::warn!("a write that was given up has been made after {seconds} s"),
        Some(error) => log::warn!("a write that was given up failed after {seconds} s: {error}"),
    }
}

/// Whether a database that may only be read refused to be written.
fn is_refused_write(cause: &anyhow::Error) -> bool {
    let words = cause.to_string();
    words.contains("readonly database") || words.contains("read-only transaction")
}
