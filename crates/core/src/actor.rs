//! The user who makes a change.

/// A user as other crates refer to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Actor<'a> {
    /// Id of the account.
    pub id: i64,
    /// Its username.
    pub username: &'a str,
}
