//! What runs here, in words for staff.

use crate::config::Config;

/// Where staff find it.
pub(crate) const PATH: &str = "/admin/diagnostics/";

/// What is known from the start on.
pub(crate) struct Facts {
    pub(crate) environment: String,
    /// Without its password.
    pub(crate) database: String,
    pub(crate) sentry: Option<SentryFacts>,
}

/// How errors are reported.
pub(crate) struct SentryFacts {
    pub(crate) host: String,
    pub(crate) environment: String,
    pub(crate) release: String,
    pub(crate) timings: String,
    pub(crate) personal: bool,
}

impl Facts {
    /// What the settings say.
    pub(crate) fn of(config: &Config) -> Self {
        let sentry = &config.sentry;
        let facts = sentry.dsn.as_ref().map(|dsn| SentryFacts {
            host: dsn.host().to_owned(),
            environment: sentry.environment.clone(),
            release: sentry.release.clone(),
            timings: format!("{} %", sentry.traces_sample_rate * 100.0),
            personal: sentry.send_default_pii,
        });
        Self {
            environment: config.environment.to_string(),
            database: config.database_url.to_string(),
            sentry: facts,
        }
    }
}
