//! A site that runs somewhere, and what can go wrong with a release of it.

use std::sync::{Arc, Mutex, MutexGuard};

use anyhow::Result;
use serde_json::json;

use crate::server::{self, Reply};

/// The commit that runs when a test begins, and the one that it releases.
pub(crate) const OLD: &str = "0123456789abcdef0123456789abcdef01234567";
pub(crate) const NEW: &str = "fedcba9876543210fedcba9876543210fedcba98";

/// How a release of the new commit goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Day {
    /// After so many looks the new revision answers.
    Good { looks: u32 },
    /// The host says yes and does nothing.
    NothingHappens,
    /// Something else answers.
    WrongRevision,
    /// Now the new one, now the old one.
    Flapping,
    /// The new one answers and is not ready.
    NeverReady,
    /// Nothing answers any more.
    Down,
    /// The new one takes connections and says nothing.
    Hangs,
}

/// What runs.
pub(crate) struct World {
    day: Day,
    running: String,
    looks: u32,
    /// So many looks at the site find nobody, whatever runs.
    pub(crate) unlucky: u32,
    /// Every revision that was asked for, in order.
    pub(crate) released: Vec<String>,
}

/// The same world, for a site, a host and a test.
#[derive(Clone)]
pub(crate) struct Shared(Arc<Mutex<World>>);

impl Shared {
    /// The old revision runs, and the next release goes like that.
    pub(crate) fn new(day: Day) -> Self {
        Self(Arc::new(Mutex::new(World {
            day,
            running: OLD.to_owned(),
            looks: 0,
            unlucky: 0,
            released: Vec::new(),
        })))
    }

    /// What is in it.
    pub(crate) fn lock(&self) -> MutexGuard<'_, World> {
        self.0
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// What a host does when it is asked for a revision.
    pub(crate) fn release(&self, revision: &str) {
        let mut world = self.lock();
        world.released.push(revision.to_owned());
        world.looks = 0;
        if world.day != Day::NothingHappens {
            revision.clone_into(&mut world.running);
        }
    }

    /// Every revision that was asked for, in order.
    pub(crate) fn released(&self) -> Vec<String> {
        self.lock().released.clone()
    }

    /// The site that runs there; its address.
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
        if is_new && self.day == Day::Hangs {
            return Reply::silence();
        }
        if path == "/readyz" {
            let ready = !(is_new && self.day == Day::NeverReady);
            let state = if ready { "ok" } else { "failed" };
            let status = if ready { 200 } else { 503 };
            let body = json!({ "status": state, "checks": { "database": state } });
            return Reply::new(status, body.to_string());
        }
        self.looks += 1;
        let revision = match self.day {
            Day::Down if is_new => return Reply::new(502, "Bad Gateway"),
            Day::Good { looks } if is_new && self.looks <= looks => OLD,
            Day::Flapping if is_new && self.looks.is_multiple_of(2) => OLD,
            Day::WrongRevision if is_new => "main",
            _ => &self.running,
        };
        Reply::json(&json!({ "status": "ok", "revision": revision, "version": "0.1.0" }))
    }
}
