//! What is logged, and how.

use log::LevelFilter;

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

/// Parts that are one plain word, as levels are: any other such word is taken for a level that was misspelt.
const PARTS: [&str; 11] = [
    "access", "diesel", "lettings", "mio", "profiles", "r2d2", "rustls", "sentry", "tokio", "ureq",
    "web",
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
    match check(&filter) {
        Ok(()) => Ok(filter),
        Err(why) => Err(refuse(
            "RUST_LOG",
            Some(filter),
            format!("it must be levels, such as warn or info,web=debug ({why})"),
        )),
    }
}

/// Whether a filter does what it seems to. `env_logger` takes any word for the name of a part, also a level that was
/// misspelt, and then logs nothing at all.
fn check(filter: &str) -> Result<(), String> {
    let parsed = env_filter::Builder::new().try_parse(filter).map(drop);
    parsed.map_err(|error| error.to_string())?;
    let (directives, _) = filter.split_once('/').unwrap_or((filter, ""));
    for directive in directives.split(',').map(str::trim) {
        let (part, level) = match directive.split_once('=') {
            Some((part, level)) => (part.trim(), Some(level.trim())),
            None => (directive, None),
        };
        let is_path = part
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "_:-".contains(c));
        let is_level = part.parse::<LevelFilter>().is_ok();
        let is_part = is_path && (part.contains(['_', ':']) || PARTS.contains(&part));
        match level {
            _ if directive.is_empty() => {}
            Some(level) if level.is_empty() || part.is_empty() || !is_path => {
                return Err(format!("{directive:?} is no level of a part"));
            }
            None if !is_level && !is_part => {
                return Err(format!("{directive:?} is neither a level nor a part"));
            }
            _ => {}
        }
    }
    Ok(())
}

pub(super) fn log_format(source: &Source<'_>) -> Result<LogFormat, InvalidSetting> {
    source.choice(
        "LOG_FORMAT",
        &[("text", LogFormat::Text), ("json", LogFormat::Json)],
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_says_what_it_seems_to_or_is_refused() {
        for filter in [
            "info",
            "WARN",
            "off",
            "info,web=debug, access=off",
            "web",
            "web::listener,warn",
            "warn,actix_http",
            "actix_http::h1=trace",
            "info/lettings",
        ] {
            assert_eq!(check(filter), Ok(()), "{filter}");
        }
        for filter in [
            "wran",
            "info,loud",
            "web=loud",
            "web=",
            "=",
            "=info",
            "info warn",
            "a b=info",
            "a_b c",
        ] {
            assert!(check(filter).is_err(), "{filter}");
        }
    }
}
