//! Where the server listens, and with how many threads.

use std::net::IpAddr;

use super::entry::Entry;
use crate::config::read::{InvalidSetting, Source, refuse};

pub(super) const ENTRIES: &[Entry] = &[
    Entry {
        name: "HOST",
        default: "127.0.0.1",
        meaning: "the address to listen on",
    },
    Entry {
        name: "PORT",
        default: "8000",
        meaning: "the port to listen on",
    },
    Entry {
        name: "WORKERS",
        default: "one a processor",
        meaning: "threads that answer requests, 1 to 256",
    },
];

pub(super) fn host(source: &Source<'_>) -> Result<String, InvalidSetting> {
    let host = source
        .text("HOST")
        .unwrap_or_else(|| "127.0.0.1".to_owned());
    let letter = |c: char| c.is_ascii_alphanumeric() || ".-_".contains(c);
    // What is all digits and dots is meant as an address, and no name is.
    let is_name = host.chars().all(letter) && host.chars().any(|c| c.is_ascii_alphabetic());
    if is_name || host.parse::<IpAddr>().is_ok() {
        return Ok(host);
    }
    Err(refuse(
        "HOST",
        Some(host),
        "it must be an address such as 127.0.0.1 or ::, or a host name",
    ))
}

pub(super) fn port(source: &Source<'_>) -> Result<u16, InvalidSetting> {
    source.parse("PORT", 8000, "it must be a whole number from 0 to 65535")
}

pub(super) fn workers(source: &Source<'_>) -> Result<usize, InvalidSetting> {
    source.parse_if(
        "WORKERS",
        std::thread::available_parallelism().map_or(1, usize::from),
        "it must be a whole number from 1 to 256",
        |workers| (1..=256).contains(workers),
    )
}
