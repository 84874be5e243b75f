//! The kinds of work that the database is asked for, and how long somebody waits for each.

use std::time::Duration;

use oc_core::PATIENCE;

/// What is asked of the database.
#[derive(Debug, Clone, Copy)]
pub(super) struct Kind {
    /// Whether it may write.
    pub(super) writes: bool,
    /// Whether it asks for nothing but a word, for which a turn is kept.
    pub(super) is_probe: bool,
    /// How long the request waits for its turn.
    pub(super) patience: Duration,
    /// How long the request waits for it. The database gives single statements up before, where it is alive
    /// (`oc_core::timeouts`); this is for one that says nothing at all.
    pub(super) limit: Duration,
}

/// Reading for a page.
pub(super) const READ: Kind = Kind {
    writes: false,
    is_probe: false,
    patience: PATIENCE,
    limit: Duration::from_secs(10),
};

/// A save. Longer than the database takes to give up a statement of it: what became of it is worth the wait.
pub(super) const WRITE: Kind = Kind {
    writes: true,
    limit: Duration::from_secs(20),
    ..READ
};

/// Reading much, for a file.
pub(super) const LONG_READ: Kind = Kind {
    limit: Duration::from_mins(1),
    ..READ
};

/// A save of many rows.
pub(super) const LONG_WRITE: Kind = Kind {
    limit: Duration::from_secs(150),
    ..WRITE
};

/// The question whether the database is well. Whoever asks is told before; then another connection may answer, where
/// but one of them hangs.
pub(super) const PROBE: Kind = Kind {
    is_probe: true,
    limit: Duration::from_secs(5),
    ..READ
};
