//! The one door to the database.

use diesel::r2d2::R2D2Connection;
use oc_core::advice::is_passing;
use oc_core::{DbConnection, Pool};

use crate::blocking;
use crate::error::PageError;
use crate::reporting::DatabaseSpan;

/// Runs queries on pooled connections, away from the threads that answer requests.
#[derive(Clone)]
pub(crate) struct Db {
    pool: Pool,
}

impl Db {
    pub(crate) fn new(pool: Pool) -> Self {
        Self { pool }
    }

    /// Runs `work` with a connection.
    ///
    /// # Errors
    /// [`PageError::Unavailable`] when no connection can be had, when it died on the way, or when the database
    /// is locked or full; else what the query's error stands for.
    pub(crate) async fn run<T, F>(&self, work: F) -> Result<T, PageError>
    where
        T: Send + 'static,
        F: FnOnce(&mut DbConnection) -> Result<T, PageError> + Send + 'static,
    {
        let pool = self.pool.clone();
        let name = std::any::type_name::<F>();
        blocking::run(move || {
            let _span = DatabaseSpan::start(name);
            let mut conn = pool
                .get()
                .map_err(|error| PageError::Unavailable(error.into()))?;
            work(&mut conn).map_err(|error| match error {
                PageError::Internal(cause) if is_away(&cause, &mut conn) => {
                    PageError::Unavailable(cause)
                }
                error => error,
            })
        })
        .await
        .map_err(|error| PageError::Internal(error.into()))?
    }
}

/// Whether an error came because the database went away: the client library does not always say so itself.
fn is_away(cause: &anyhow::Error, conn: &mut DbConnection) -> bool {
    cause
        .downcast_ref()
        .is_some_and(|error| is_passing(error) || conn.ping().is_err())
}
