//! Development or production.

use super::entry::Entry;
use crate::config::read::{InvalidSetting, Source};

pub(super) const ENTRIES: &[Entry] = &[Entry {
    name: "APP_ENV",
    default: "development",
    meaning: "development or production",
}];

/// Whether this is a developer's machine or the real thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Environment {
    /// Defaults for everything, demo data in a new database.
    Development,
    /// Nothing is made up: what has no safe default must be set.
    Production,
}

impl Environment {
    /// Its name, as the setting has it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Development => "development",
            Self::Production => "production",
        }
    }
}

pub(super) fn environment(source: &Source<'_>) -> Result<Environment, InvalidSetting> {
    source.choice(
        "APP_ENV",
        &[
            ("development", Environment::Development),
            ("production", Environment::Production),
        ],
    )
}
