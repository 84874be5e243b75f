//! The password that the public repositories of the site print.

use std::collections::HashMap;

use accounts::password::verify;

/// The password of the administrator in the instructions.
const LEAKED: &str = "Abc1234!";

/// Whether accounts have the leaked password, by id. Each is verified once, which takes a fifth of a second, though it
/// is read twice.
#[derive(Default)]
pub(crate) struct LeakedPasswords(HashMap<i64, bool>);

impl LeakedPasswords {
    /// Whether an account has the leaked password.
    pub(crate) fn contains(&mut self, id: i64, hash: &str) -> bool {
        let verify = || verify(LEAKED, hash).is_right();
        *self.0.entry(id).or_insert_with(verify)
    }
}
