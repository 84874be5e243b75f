//! What must hold for requests to be answered, check by check: for `/readyz` and for staff.

use std::path::PathBuf;

use oc_core::migrations;

use crate::blocking;
use crate::db::Db;
use crate::error::PageError;
use crate::room::Room;

/// The word for what is as it should be.
const OK: &str = "ok";

/// A check by its name, and how it went: «ok», or a word for what is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Check {
    pub(crate) name: &'static str,
    pub(crate) outcome: &'static str,
}

impl Check {
    pub(crate) fn passed(self) -> bool {
        self.outcome == OK
    }
}

/// What is checked.
pub(crate) struct Checks {
    db: Db,
    /// The folder of the database, where that is a file.
    folder: Option<PathBuf>,
}

impl Checks {
    pub(crate) fn new(db: Db, folder: Option<PathBuf>) -> Self {
        Self { db, folder }
    }

    /// Every check, made now.
    pub(crate) async fn run(&self) -> Vec<Check> {
        let (database, migrations) = self.database().await;
        let mut checks = vec![
            Check {
                name: "database",
                outcome: database,
            },
            Check {
                name: "migrations",
                outcome: migrations,
            },
        ];
        if let Some(folder) = self.folder.clone() {
            // A disk that hangs must not hold the other requests of this thread.
            let room = blocking::run(move || Room::at(&folder)).await;
            let outcome = match room {
                Ok(Ok(room)) if room.is_enough() => OK,
                Ok(Ok(_)) => "low",
                _ => "unknown",
            };
            checks.push(Check {
                name: "disk",
                outcome,
            });
        }
        checks
    }

    /// Whether the database answers, and whether it is up to date.
    async fn database(&self) -> (&'static str, &'static str) {
        let pending = self
            .db
            .run(|conn| {
                migrations::status(conn)
                    .map(|status| status.pending)
                    .map_err(|error| PageError::Internal(error.into()))
            })
            .await;
        match pending {
            Ok(pending) if pending.is_empty() => (OK, OK),
            Ok(_) => (OK, "pending"),
            Err(PageError::Unavailable(_) | PageError::Busy) => ("failed", "unknown"),
            Err(_) => (OK, "failed"),
        }
    }
}
