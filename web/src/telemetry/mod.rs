//! Logs and Sentry reports of this process.

mod logging;
mod redact;
mod scope;
mod sentry;

use std::panic;

pub(crate) use self::scope::sentry_scope;
pub(crate) use self::sentry::{SentryGuard, flush_timeout};
use crate::config::Config;

/// Starts logging, and reporting to Sentry if `SENTRY_DSN` is set. Dropping the guard sends what is still queued.
pub(crate) fn start(config: &Config) -> Option<SentryGuard> {
    let logger = logging::logger(config);
    let level = logger.filter();
    if config.sentry.dsn.is_some() {
        // Warnings and errors also go to Sentry, and what precedes them.
        log::set_boxed_logger(Box::new(sentry::logger(Box::new(logger))))
            .expect("logging is started once");
        log::set_max_level(level.max(log::LevelFilter::Info));
    } else {
        log::set_boxed_logger(Box::new(logger)).expect("logging is started once");
        log::set_max_level(level);
    }
    let guard = sentry::start(config);
    // Replaces Sentry's own hook, which blocks until its report is sent.
    panic::set_hook(Box::new(|info| {
        let message = info.payload_as_str().unwrap_or("(no message)");
        match info.location() {
            Some(location) => log::error!("panicked at {location}: {message}"),
            None => log::error!("panicked: {message}"),
        }
        sentry::capture_panic(info);
    }));
    guard
}
