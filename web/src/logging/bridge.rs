//! The way of a record to Sentry: warnings and errors as its logs, others as what went before an event.

use log::{Level, Metadata};
use sentry::integrations::log::{LogFilter, SentryLogger};

/// Who writes about the sending of reports; a report about that would never end.
const SENDERS: [&str; 4] = ["rustls", "sentry", "ureq", "web::reporting"];

/// What logs with that logger, and to Sentry.
pub(super) fn with(logger: env_logger::Logger, filter: &str) -> SentryLogger<env_logger::Logger> {
    let wanted = env_filter::Builder::new().parse(filter).build();
    SentryLogger::with_dest(logger).filter(move |metadata| {
        if SENDERS
            .iter()
            .any(|name| metadata.target().starts_with(name))
        {
            return LogFilter::Ignore;
        }
        kind(metadata, wanted.enabled(metadata))
    })
}

/// What becomes of a record. What is finer than the usual is only kept where it is logged, too.
fn kind(metadata: &Metadata<'_>, logged: bool) -> LogFilter {
    match metadata.level() {
        Level::Error | Level::Warn => LogFilter::Log,
        Level::Info => LogFilter::Breadcrumb,
        Level::Debug | Level::Trace if logged => LogFilter::Breadcrumb,
        Level::Debug | Level::Trace => LogFilter::Ignore,
    }
}
