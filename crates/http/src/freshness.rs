//! Freshness of cached pages: the content version, confirmed with the database.
//!
//! A confirmation counts for [`CONFIRM_EVERY`], or until a write of this process. One check runs at a time. On a busy site
//! it runs before the last confirmation has expired, so that no request waits for it.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use actix_web::rt::spawn;
use actix_web::rt::time::timeout;
use oc_core::{DatabaseUrl, DbConnection, content_version, open_read_only};

use crate::db::Db;
use crate::error::PageError;

/// How long a confirmed version counts as current: the bound on how stale a page can be after another process wrote.
const CONFIRM_EVERY: Duration = Duration::from_millis(50);

/// The age at which a request has a confirmed version renewed, before it expires and requests wait.
const RENEW_AFTER: Duration = Duration::from_millis(25);

/// How long the database may take to confirm a version before it counts as unavailable.
const CONFIRM_TIMEOUT: Duration = Duration::from_secs(1);

/// How often an unavailable database is checked again.
const RETRY_EVERY: Duration = Duration::from_secs(1);

/// How long after a failed check the database is assumed to be unavailable still, while it is checked again.
const OUTAGE_ASSUMED: Duration = Duration::from_secs(3);

/// State of the public content.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Version {
    /// The generation that the database confirmed.
    Current(u64),
    /// The database has been unavailable since then.
    Unavailable(Instant),
}

/// Confirms with the database that the content is unchanged.
pub(crate) struct Freshness {
    db: Db,
    /// Shows in microseconds whether anything was committed to the file. Never writes.
    sqlite: Option<Mutex<DbConnection>>,
    state: Mutex<State>,
    /// Held by the one check that is running.
    checking: Arc<tokio::sync::Mutex<()>>,
}

#[derive(Debug, Clone, Copy, Default)]
struct State {
    /// Grows whenever the content version has changed, in whichever direction.
    generation: u64,
    content_version: Option<i64>,
    sqlite_data_version: Option<i64>,
    /// When the last check began.
    checked_at: Option<Instant>,
    /// The writes of this process before that check.
    writes: u64,
    failing_since: Option<Instant>,
    /// When the last check failed.
    failed_at: Option<Instant>,
}

impl Freshness {
    pub(crate) fn new(db: Db, url: &DatabaseUrl) -> anyhow::Result<Self> {
        let sqlite = match url {
            DatabaseUrl::Sqlite(_) => Some(Mutex::new(open_read_only(url)?)),
            DatabaseUrl::Postgres(_) => None,
        };
        Ok(Self {
            db,
            sqlite,
            state: Mutex::default(),
            checking: Arc::default(),
        })
    }

    fn state(&self) -> State {
        *self.state.lock().expect("no panic while it is held")
    }

    /// Checks with the database, unless another request does so from now on, and returns whether a check has failed since
    /// `time`.
    pub(crate) async fn recheck_failed_since(&self, time: Instant) -> bool {
        let now = Instant::now();
        let _checking = self.checking.lock().await;
        if self.state().checked_at.is_none_or(|checked| checked < now) {
            self.check().await;
        }
        self.state().failed_at.is_some_and(|failed| failed >= time)
    }

    /// The result of the last check, if it is still valid at `now`. An old one is renewed in the background.
    pub(crate) fn known(self: &Arc<Self>, now: Instant) -> Option<Version> {
        let state = self.state();
        let age = now.saturating_duration_since(state.checked_at?);
        let (version, renew_after, valid_for) = match state.failing_since {
            None => (
                Version::Current(state.generation),
                RENEW_AFTER,
                CONFIRM_EVERY,
            ),
            // Requests don't wait for a database that was unavailable a moment ago.
            Some(since) => (Version::Unavailable(since), RETRY_EVERY, OUTAGE_ASSUMED),
        };
        if age >= valid_for || state.writes != self.db.writes() {
            return None;
        }
        if age >= renew_after {
            self.check_in_background();
        }
        Some(version)
    }

    /// The version of the content, confirmed within the last [`CONFIRM_EVERY`] and after the last write of this process.
    pub(crate) async fn confirm(self: &Arc<Self>) -> Version {
        if let Some(known) = self.known(Instant::now()) {
            return known;
        }
        let _checking = self.checking.lock().await;
        if let Some(known) = self.known(Instant::now()) {
            return known;
        }
        self.check().await
    }

    /// Starts a check, unless one is running.
    fn check_in_background(self: &Arc<Self>) {
        if let Ok(checking) = Arc::clone(&self.checking).try_lock_owned() {
            let freshness = Arc::clone(self);
            spawn(async move {
                freshness.check().await;
                drop(checking);
            });
        }
    }

    /// Checks with the database. Call it with `checking` locked.
    async fn check(&self) -> Version {
        let (began, writes) = (Instant::now(), self.db.writes());
        let before = self.state();
        let outcome = self.read(before).await;
        let mut state = self.state.lock().expect("no panic while it is held");
        state.checked_at = Some(began);
        state.writes = writes;
        match outcome {
            Ok((content_version, data_version)) => {
                if state.content_version != Some(content_version) {
                    state.generation += 1;
                }
                state.content_version = Some(content_version);
                state.sqlite_data_version = data_version;
                if let Some(since) = state.failing_since.take() {
                    let seconds = since.elapsed().as_secs();
                    log::info!("database available again after {seconds} s; serving current pages");
                }
                Version::Current(state.generation)
            }
            Err(error) => {
                state.failed_at = Some(Instant::now());
                let since = *state.failing_since.get_or_insert_with(|| {
                    log::warn!("database unavailable; serving cached pages: {error}");
                    began
                });
                Version::Unavailable(since)
            }
        }
    }

    /// The content version; on SQLite also the data version, which shows whether it has to be read again.
    async fn read(&self, known: State) -> Result<(i64, Option<i64>), PageError> {
        let Some(sqlite) = &self.sqlite else {
            let read = self.db.check(|conn| Ok(content_version::current(conn)?));
            let version = timeout(CONFIRM_TIMEOUT, read).await.unwrap_or_else(|_| {
                Err(PageError::Unavailable(anyhow::anyhow!(
                    "no reply within 1 s"
                )))
            })?;
            return Ok((version, None));
        };
        let mut conn = sqlite.lock().expect("no panic while it is held");
        let data_version = content_version::sqlite_data_version(&mut conn)?;
        match known.content_version {
            Some(version) if data_version == known.sqlite_data_version => {
                Ok((version, data_version))
            }
            _ => Ok((content_version::current(&mut conn)?, data_version)),
        }
    }
}

#[cfg(test)]
mod tests {
    use actix_web::rt::task::yield_now;
    use oc_core::connect_pool;
    use oc_core::testing::TestDb;

    use super::*;
    use crate::metrics::Metrics;

    #[actix_web::test]
    async fn a_request_renews_an_old_confirmation_without_waiting() -> anyhow::Result<()> {
        let database = TestDb::sqlite()?;
        let pool = connect_pool(database.url().clone(), 1)?;
        let db = Db::new(pool, Metrics::new("", "")?, 1, false);
        let freshness = Arc::new(Freshness::new(db, database.url())?);
        assert!(matches!(freshness.confirm().await, Version::Current(_)));
        let checked = freshness.state().checked_at.unwrap();

        let known = freshness.known(checked + RENEW_AFTER);
        assert!(matches!(known, Some(Version::Current(_))));
        yield_now().await;

        assert!(freshness.state().checked_at > Some(checked));
        Ok(())
    }
}
