//! Where the database is, and how many connections to it are held.

use oc_core::DatabaseUrl;

use super::entry::Entry;
use crate::config::read::{InvalidSetting, Source, refuse};

pub(super) const ENTRIES: &[Entry] = &[
    Entry {
        name: "DATABASE_URL",
        default: "sqlite://oc-lettings.sqlite3",
        meaning: "sqlite://PATH or postgres://USER:PASSWORD@HOST/NAME",
    },
    Entry {
        name: "DATABASE_POOL_SIZE",
        default: "8",
        meaning: "the most connections to the database at a time, 1 to 200; /readyz has one more",
    },
    Entry {
        name: "READ_ONLY",
        default: "false",
        meaning: "true: pages can be read, nothing is written, nobody can log in",
    },
];

pub(super) fn database_url(source: &Source<'_>) -> Result<DatabaseUrl, InvalidSetting> {
    let text = source
        .text("DATABASE_URL")
        .unwrap_or_else(|| "sqlite://oc-lettings.sqlite3".to_owned());
    text.parse().map_err(|error| {
        // What is not understood may hold a password all the same.
        let shown = text
            .split_once("://")
            .map_or("(hidden)", |(scheme, _)| scheme);
        refuse("DATABASE_URL", Some(format!("{shown}…")), error)
    })
}

pub(super) fn database_pool_size(source: &Source<'_>) -> Result<u32, InvalidSetting> {
    source.parse_if(
        "DATABASE_POOL_SIZE",
        8,
        "it must be a whole number from 1 to 200",
        |size| (1..=200).contains(size),
    )
}

pub(super) fn read_only(source: &Source<'_>) -> Result<bool, InvalidSetting> {
    source.switch("READ_ONLY", false)
}
