//! The question whether the database is well: asked once at a time, however many want to know.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use actix_web::rt::{self, time::timeout};
use oc_core::migrations::{self, MigrateError};
use tokio::sync::watch;

use super::OK;
use crate::db::Db;
use crate::error::PageError;

/// A word for the database and one for its migrations.
type Words = (&'static str, &'static str);

/// What is said of a database that does not answer.
const AWAY: Words = ("failed", "unknown");

/// How long is waited for one that has said nothing to anybody for a while: no longer than it takes to notice that it
/// does again.
const NOTHING_HEARD: Duration = Duration::from_millis(100);

/// Asks the database.
pub(super) struct Probe {
    db: Db,
    /// The question that was asked last.
    last: Mutex<Option<Asked>>,
}

/// A question, and its answer as soon as there is one.
#[derive(Clone)]
struct Asked {
    since: Instant,
    answer: watch::Receiver<Option<Words>>,
}

impl Probe {
    pub(super) fn new(db: Db) -> Self {
        Self {
            db,
            last: Mutex::default(),
        }
    }

    /// What the database says, or that it is away, if it has said nothing for so long.
    pub(super) async fn ask(&self, patience: Duration) -> Words {
        let mut asked = self.asked();
        let rest = if self.db.is_silent() {
            NOTHING_HEARD
        } else {
            patience.saturating_sub(asked.since.elapsed())
        };
        let answer = timeout(rest, asked.answer.wait_for(Option::is_some)).await;
        match answer {
            Ok(Ok(answer)) => answer.unwrap_or(AWAY),
            Ok(Err(_)) | Err(_) => AWAY,
        }
    }

    /// The question that is still open, or else a new one.
    fn asked(&self) -> Asked {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        // Where whoever asked is gone without an answer, the channel is closed.
        let open = last
            .as_ref()
            .filter(|asked| asked.answer.borrow().is_none() && asked.answer.has_changed().is_ok());
        if let Some(asked) = open {
            return asked.clone();
        }
        let (sender, answer) = watch::channel(None);
        let db = self.db.clone();
        rt::spawn(async move {
            let words = question(&db).await;
            sender.send_replace(Some(words));
        });
        last.insert(Asked {
            since: Instant::now(),
            answer,
        })
        .clone()
    }
}

/// Whether the database answers, and whether it is up to date.
async fn question(db: &Db) -> Words {
    let pending = db
        .probe(|conn| match migrations::status(conn) {
            Ok(status) => Ok(status.pending),
            Err(MigrateError::Database(error)) => Err(error.into()),
            Err(error) => Err(PageError::Internal(error.into())),
        })
        .await;
    match pending {
        Ok(pending) if pending.is_empty() => (OK, OK),
        Ok(_) => (OK, "pending"),
        Err(PageError::Unavailable(_) | PageError::Busy) => AWAY,
        Err(_) => (OK, "failed"),
    }
}
