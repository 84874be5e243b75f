//! State of a fake site, and faults of its releases.

use std::sync::{Arc, Mutex, MutexGuard};

use anyhow::Result;
use serde_json::json;

use crate::server::{self, Reply};

/// The revision that runs at the start of a test, and the one to release.
pub(crate) const OLD: &str = "0123456789abcdef0123456789abcdef01234567";
pub(crate) const NEW: &str = "fedcba9876543210fedcba9876543210fedcba98";

/// Result of a release of the new revision.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ReleaseResult {
    /// The new revision answers after this many requests.
    Good {
        looks: u32,
    },
    /// The host accepts the request and does nothing.
    NothingHappens,
    WrongRevision,
    Flapping,
    /// The new revision answers, but is not ready.
    NeverReady,
    Down,
    /// The new revision accepts connections and sends nothing.
    Hangs,
}

/// The new revision answers at once.
pub(crate) const GOOD: ReleaseResult = ReleaseResult::Good { looks: 0 };

pub(crate) struct World {
    day: ReleaseResult,
    running: String,
    looks: u32,
    /// Number of requests to the site that fail first.
    pub(crate) unlucky: u32,
    /// Every requested revision, in order.
    pub(crate) released: Vec<String>,
}

/// The state, shared by a site, a host and a test.
#[derive(Clone)]
pub(crate) struct Shared(Arc<Mutex<World>>);

impl Shared {
    /// The old revision is running; the next release has this result.
    pub(crate) fn new(day: ReleaseResult) -> Self {
        Self(Arc::new(Mutex::new(World {
            day,
            running: OLD.to_owned(),
            looks: 0,
            unlucky: 0,
            released: Vec::new(),
        })))
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, World> {
        self.0
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// Handles a release request, as a host does.
    pub(crate) fn release(&self, revision: &str) {
        let mut world = self.lock();
        world.released.push(revision.to_owned());
        world.looks = 0;
        if world.day != ReleaseResult::NothingHappens {
            revision.clone_into(&mut world.running);
        }
    }

    /// Every requested revision, in order.
    pub(crate) fn released(&self) -> Vec<String> {
        self.lock().released.clone()
    }

    /// Starts the site and returns its address.
    pub(crate) fn site(&self) -> Result<String> {
        let world = self.clone();
        let place = server::start(move |asked| world.lock().answer(&asked.path))?;
        Ok(format!("http://{place}"))
    }
}

impl World {
    fn answer(&mut self, path: &str) -> Reply {
        let is_new = self.running == NEW;
        if self.unlucky > 0 {
            self.unlucky -= 1;
            return Reply::new(502, "Bad Gateway");
        }
        if is_new && self.day == ReleaseResult::Hangs {
            return Reply::silence();
        }
        if path == "/readyz" {
            let ready = !(is_new && self.day == ReleaseResult::NeverReady);
            let state = if ready { "ok" } else { "failed" };
            let status = if ready { 200 } else { 503 };
            let body = json!({ "status": state, "checks": { "database": state } });
            return Reply::new(status, body.to_string());
        }
        self.looks += 1;
        let revision = match self.day {
            ReleaseResult::Down if is_new => return Reply::new(502, "Bad Gateway"),
            ReleaseResult::Good { looks } if is_new && self.looks <= looks => OLD,
            ReleaseResult::Flapping if is_new && self.looks.is_multiple_of(2) => OLD,
            ReleaseResult::WrongRevision if is_new => "main",
            _ => &self.running,
        };
        Reply::json(&json!({ "status": "ok", "revision": revision, "version": "0.1.0" }))
    }
}
