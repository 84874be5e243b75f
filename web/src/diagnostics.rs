//! Facts for the diagnostics page.

use admin::{Facts, SentryFacts};

use crate::config::Config;

/// What the settings say about this installation.
pub(crate) fn facts(config: &Config) -> Facts {
    let sentry = &config.sentry;
    let facts = sentry.dsn.as_ref().map(|dsn| SentryFacts {
        host: dsn.host().to_owned(),
        environment: sentry.environment.clone(),
        release: sentry.release.clone(),
        timings: format!("{} %", sentry.traces_sample_rate * 100.0),
        personal: sentry.send_default_pii,
    });
    Facts {
        environment: config.environment.to_string(),
        database: config.database_url.to_string(),
        sentry: facts,
    }
}
