//! What is logged, and how.

use super::entry::Entry;
use crate::config::read::{InvalidSetting, Source, refuse};

pub(super) const ENTRIES: &[Entry] = &[
    Entry {
        name: "RUST_LOG",
        default: "info",
        meaning: "what is logged, such as warn or info,web=debug",
    },
    Entry {
        name: "LOG_FORMAT",
        default: "text",
        meaning: "text or json",
    },
];

/// How log records are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// For eyes.
    Text,
    /// A JSON object a line.
    Json,
}

pub(super) fn log_filter(source: &Source<'_>) -> Result<String, InvalidSetting> {
    let filter = source.text("RUST_LOG").unwrap_or_else(|| "info".to_owned());
    match env_filter::Builder::new().try_parse(&filter) {
        Ok(_) => Ok(filter),
        Err(error) => Err(refuse(
            "RUST_LOG",
            Some(filter),
            format!("it must be levels, such as warn or info,web=debug ({error})"),
        )),
    }
}

pub(super) fn log_format(source: &Source<'_>) -> Result<LogFormat, InvalidSetting> {
    source.choice(
        "LOG_FORMAT",
        &[("text", LogFormat::Text), ("json", LogFormat::Json)],
    )
}
