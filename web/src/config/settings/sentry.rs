//! Where errors are reported to, and what goes along.

use std::fmt;

use sentry::types::Dsn;

use super::entry::Entry;
use super::environment::Environment;
use crate::config::read::{InvalidSetting, Source, refuse};

pub(super) const ENTRIES: &[Entry] = &[
    Entry {
        name: "SENTRY_DSN",
        default: "none, nothing is reported",
        meaning: "where errors are reported to, such as https://KEY@HOST/PROJECT",
    },
    Entry {
        name: "SENTRY_ENVIRONMENT",
        default: "APP_ENV",
        meaning: "the name under which this installation reports",
    },
    Entry {
        name: "SENTRY_RELEASE",
        default: "the git revision",
        meaning: "the name of what runs here",
    },
    Entry {
        name: "SENTRY_TRACES_SAMPLE_RATE",
        default: "0",
        meaning: "the part of requests that are reported with their timings, 0 to 1",
    },
    Entry {
        name: "SENTRY_SEND_DEFAULT_PII",
        default: "true",
        meaning: "false: no address, browser and name of visitors and staff goes along",
    },
];

/// The longest name of an environment that Sentry takes (characters).
const LONGEST_ENVIRONMENT: usize = 64;

/// The longest name of a release that Sentry takes (characters).
const LONGEST_RELEASE: usize = 200;

/// How errors are reported.
#[derive(Debug, Clone)]
pub struct Sentry {
    /// Where they are sent.
    pub dsn: SentryDsn,
    /// The name of this installation.
    pub environment: String,
    /// The name of what runs here.
    pub release: String,
    /// The part of requests that are reported with their timings.
    pub traces_sample_rate: f32,
    /// Whether a visitor's address and browser go along, and whose account it was.
    pub send_default_pii: bool,
}

/// An address with a key in it, which is never printed.
#[derive(Clone)]
pub struct SentryDsn(pub Dsn);

impl fmt::Debug for SentryDsn {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "SentryDsn({})", self.0.host())
    }
}

/// How errors are reported; `None` where they are not. The other settings are checked all the same.
pub(super) fn sentry(
    source: &Source<'_>,
    app_env: Environment,
) -> Result<Option<Sentry>, InvalidSetting> {
    let environment = name(source, "SENTRY_ENVIRONMENT", LONGEST_ENVIRONMENT)?;
    let release = name(source, "SENTRY_RELEASE", LONGEST_RELEASE)?;
    let traces_sample_rate = source.parse_if(
        "SENTRY_TRACES_SAMPLE_RATE",
        0.0,
        "it must be a number from 0 to 1, such as 0.1",
        |rate| (0.0..=1.0).contains(rate),
    )?;
    let send_default_pii = source.switch("SENTRY_SEND_DEFAULT_PII", true)?;
    let Some(text) = source.text("SENTRY_DSN") else {
        return Ok(None);
    };
    let dsn = text.parse().map_err(|error| {
        refuse(
            "SENTRY_DSN",
            Some(masked(&text)),
            format!("it must be what Sentry shows for the project, such as https://KEY@HOST/PROJECT ({error})"),
        )
    })?;
    Ok(Some(Sentry {
        dsn: SentryDsn(dsn),
        environment: environment.unwrap_or_else(|| app_env.name().to_owned()),
        release: release.unwrap_or_else(|| env!("OC_REVISION").to_owned()),
        traces_sample_rate,
        send_default_pii,
    }))
}

/// A name as Sentry takes it.
fn name(
    source: &Source<'_>,
    setting: &'static str,
    longest: usize,
) -> Result<Option<String>, InvalidSetting> {
    let Some(name) = source.text(setting) else {
        return Ok(None);
    };
    let plain = |c: char| !c.is_control() && !c.is_whitespace() && c != '/' && c != '\\';
    if name.chars().count() <= longest && name.chars().all(plain) && name != "." && name != ".." {
        return Ok(Some(name));
    }
    Err(refuse(
        setting,
        Some(name),
        format!("it must be at most {longest} characters, without spaces and slashes"),
    ))
}

/// Enough of a wrong address to know it by, and nothing that may be a key.
fn masked(text: &str) -> String {
    if let (Some((scheme, _)), Some((_, place))) = (text.split_once("://"), text.rsplit_once('@')) {
        return format!("{scheme}://…@{place}");
    }
    let beginning: String = text.chars().take(12).collect();
    format!("{beginning}…")
}
