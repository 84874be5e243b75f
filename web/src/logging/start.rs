//! Starting the log, once.

use env_logger::Builder;
use log::LevelFilter;

use super::line;
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
    if builder.try_init().is_err() {
        log::debug!("logging was started before");
    }
}
