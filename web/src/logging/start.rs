//! Starting the log, once.

use env_logger::Builder;
use log::LevelFilter;

use super::{bridge, line};
use crate::config::Config;

/// Starts logging. Called once; a second call (in tests) changes nothing.
pub(crate) fn start(config: &Config) {
    let mut builder = Builder::new();
    builder.parse_filters(&config.log_filter);
    // It logs an error for every visitor whose request head is too large.
    builder.filter_module("actix_http::h1", LevelFilter::Off);
    let format = config.log_format;
    builder.format(move |out, record| {
        let time = out.timestamp_millis().to_string();
        line::write(out, format, &time, record)
    });
    let logger = builder.build();
    let level = logger.filter();
    let outcome = if config.sentry.is_some() {
        let level = level.max(LevelFilter::Info);
        bridge::install(logger, &config.log_filter, level)
    } else {
        log::set_boxed_logger(Box::new(logger)).map(|()| log::set_max_level(level))
    };
    if outcome.is_err() {
        log::debug!("logging was started before");
    }
}
