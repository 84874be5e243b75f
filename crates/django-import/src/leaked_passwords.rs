//! Passwords that are printed in the public repositories of the site.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use accounts::password::verify;

/// The password of the administrator in the instructions.
const LEAKED: [&str; 1] = ["Abc1234!"];

/// Time limit for all checks; one hash of Django takes about a fifth of a second.
const TIME_LIMIT: Duration = Duration::from_secs(30);

/// Finds accounts with a leaked password. Each account is verified once, though it is read twice.
#[derive(Default)]
pub(crate) struct LeakedPasswords {
    checked: HashMap<i64, bool>,
    elapsed: Duration,
}

impl LeakedPasswords {
    /// Whether an account has a leaked password. An account that time did not suffice for counts as one that has.
    pub(crate) fn contains(&mut self, id: i64, hash: &str) -> bool {
        if let Some(is_leaked) = self.checked.get(&id) {
            return *is_leaked;
        }
        let start = Instant::now();
        let is_leaked = self.elapsed > TIME_LIMIT
            || LEAKED
                .iter()
                .any(|password| verify(password, hash).is_right());
        self.elapsed += start.elapsed();
        self.checked.insert(id, is_leaked);
        is_leaked
    }
}
