//! Starting the client.

use std::sync::Arc;
use std::time::Duration;

use sentry::integrations::backtrace::{AttachStacktraceIntegration, ProcessStacktraceIntegration};
use sentry::integrations::contexts::ContextIntegration;
use sentry::{ClientInitGuard, ClientOptions, MaxRequestBodySize, SessionMode, TransactionContext};

use super::transport::Factory;
use super::{panics, queries, scrub};
use crate::config::Config;

/// The longest that the end of the program waits for reports to be sent.
const PATIENCE: Duration = Duration::from_secs(5);

/// Our own crates, whose frames of a stack matter.
const OURS: [&str; 6] = [
    "web",
    "oc_core",
    "django_import",
    "lettings",
    "profiles",
    "transfer",
];

/// What goes into a report.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Reporting {
    /// Whether anything is reported.
    pub(crate) on: bool,
    /// Whether visitors' addresses and browsers, and the names of staff, go along.
    pub(crate) personal: bool,
}

impl Reporting {
    /// What the settings say.
    pub(crate) fn of(config: &Config) -> Self {
        config
            .sentry
            .as_ref()
            .map_or(Self::default(), |sentry| Self {
                on: true,
                personal: sentry.send_default_pii,
            })
    }
}

/// The part of the time for a stop that is kept for sending what is left; none where nothing is reported.
pub(crate) fn farewell(config: &Config) -> Duration {
    if config.sentry.is_none() {
        return Duration::ZERO;
    }
    PATIENCE.min(config.limits.shutdown_timeout / 4)
}

/// Starts to report, where that is set. What is left when the guard is dropped is sent, for a few seconds.
pub(crate) fn start(config: &Config) -> Option<ClientInitGuard> {
    let sentry = config.sentry.as_ref()?;
    let mut options = ClientOptions::new()
        .release(sentry.release.clone())
        .environment(sentry.environment.clone())
        // Cookies would go along; what may is put in by `visit`.
        .send_default_pii(false)
        .max_request_body_size(MaxRequestBodySize::None)
        .attach_stacktrace(true)
        .in_app_include(OURS)
        .auto_session_tracking(true)
        .session_mode(SessionMode::Request)
        .shutdown_timeout(farewell(config))
        .before_send(|event| Some(scrub::event(event)))
        .before_breadcrumb(|breadcrumb| Some(scrub::breadcrumb(breadcrumb)))
        .before_send_log(|log| Some(scrub::log(log)))
        .transport(Factory)
        // The one for panics would hold the thread until the report is sent; ours does not.
        .default_integrations(false);
    options.dsn = Some(sentry.dsn.0.clone());
    options.integrations = vec![
        Arc::new(AttachStacktraceIntegration::new()),
        Arc::new(ContextIntegration::new()),
        Arc::new(ProcessStacktraceIntegration::new()),
    ];
    if sentry.traces_sample_rate > 0.0 {
        let rate = sentry.traces_sample_rate;
        options = options.traces_sampler(move |context| part(context, rate));
        queries::watch();
    }
    panics::report();
    Some(sentry::init(options))
}

/// The part of such requests that is reported. What a visitor's headers ask for does not count, and nobody learns
/// anything from assets and checks of health.
fn part(context: &TransactionContext, rate: f32) -> f32 {
    let route = context
        .name()
        .split_once(' ')
        .map_or("", |(_, route)| route);
    let dull = ["/static/", "/favicon.ico", "/healthz", "/readyz"];
    if dull.iter().any(|beginning| route.starts_with(beginning)) {
        0.0
    } else {
        rate
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn farewell_of(settings: &[(&str, &str)]) -> anyhow::Result<Duration> {
        let config = Config::from_lookup(&|name| {
            let mut given = settings.iter();
            let (_, value) = given.find(|(known, _)| *known == name)?;
            Some((*value).to_owned())
        })?;
        Ok(farewell(&config))
    }

    #[test]
    fn a_sentry_that_hangs_is_waited_for_within_the_time_for_a_stop() -> anyhow::Result<()> {
        let dsn = ("SENTRY_DSN", "https://key@sentry.example/7");

        let usual = farewell_of(&[dsn])?;
        let short = farewell_of(&[dsn, ("SHUTDOWN_TIMEOUT", "4")])?;
        let nothing = farewell_of(&[("SHUTDOWN_TIMEOUT", "4")])?;

        assert_eq!(usual, PATIENCE);
        assert_eq!(short, Duration::from_secs(1));
        assert_eq!(nothing, Duration::ZERO);
        Ok(())
    }
}
