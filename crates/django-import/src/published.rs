//! Passwords that the public repositories of the site print: everybody may know them.

use std::time::{Duration, Instant};

use accounts::password::{Verdict, verify};

/// What their instructions tell to log in with.
const PUBLISHED: [&str; 1] = ["Abc1234!"];

/// How long looking for them may take; one hash of Django's takes about a fifth of a second.
const PATIENCE: Duration = Duration::from_secs(30);

/// Looks for published passwords, for a limited time.
pub(super) struct Published {
    spent: Duration,
    /// Accounts that were not looked at any more.
    pub(super) left: u64,
}

impl Published {
    pub(super) fn new() -> Self {
        Self {
            spent: Duration::ZERO,
            left: 0,
        }
    }

    /// Whether a stored hash is that of a published password.
    pub(super) fn is(&mut self, stored: &str) -> bool {
        if self.spent > PATIENCE {
            self.left += 1;
            return false;
        }
        let start = Instant::now();
        let found = PUBLISHED
            .iter()
            .any(|password| verify(password, stored) != Verdict::Wrong);
        self.spent += start.elapsed();
        found
    }
}
