//! Where figures for Prometheus are served.

use std::net::SocketAddr;

use super::entry::Entry;
use crate::config::read::{InvalidSetting, Source, refuse};

pub(super) const ENTRIES: &[Entry] = &[Entry {
    name: "METRICS_ADDR",
    default: "none, no figures are served",
    meaning: "address and port of a listener of its own for Prometheus",
}];

/// Where to listen; `None` where no figures are served.
pub(super) fn metrics_address(source: &Source<'_>) -> Result<Option<SocketAddr>, InvalidSetting> {
    let Some(text) = source.text("METRICS_ADDR") else {
        return Ok(None);
    };
    text.parse().map(Some).map_err(|_| {
        refuse(
            "METRICS_ADDR",
            Some(text),
            "it must be an address and a port, such as 127.0.0.1:9100",
        )
    })
}
