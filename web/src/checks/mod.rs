//! What must hold for requests to be answered, check by check: for `/readyz` and for staff.

mod probe;

use std::path::PathBuf;
use std::time::Duration;

use actix_web::rt::time::timeout;

use self::probe::Probe;
use crate::blocking;
use crate::db::Db;
use crate::room::Room;

/// The word for what is as it should be.
const OK: &str = "ok";

/// How long whoever asks waits. What does not answer by then is as good as away, and whoever asks may not wait longer.
const PATIENCE: Duration = Duration::from_secs(2);

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
    probe: Probe,
    /// The folder of the database, where that is a file.
    folder: Option<PathBuf>,
}

impl Checks {
    pub(crate) fn new(db: Db, folder: Option<PathBuf>) -> Self {
        Self {
            probe: Probe::new(db),
            folder,
        }
    }

    /// Every check, made now.
    pub(crate) async fn run(&self) -> Vec<Check> {
        let (database, migrations) = self.probe.ask(PATIENCE).await;
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
            // A disk that hangs must not hold the other requests of this thread, nor this one.
            let room = timeout(PATIENCE, blocking::run(move || Room::at(&folder))).await;
            let outcome = match room {
                Ok(Ok(Ok(room))) if room.is_enough() => OK,
                Ok(Ok(Ok(_))) => "low",
                _ => "unknown",
            };
            checks.push(Check {
                name: "disk",
                outcome,
            });
        }
        checks
    }
}
