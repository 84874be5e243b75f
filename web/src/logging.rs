//! Where log records go: standard error, as text or as JSON lines.

use std::io::Write;

use env_logger::Builder;
use log::LevelFilter;
use serde::Serialize;

use crate::config::{Config, LogFormat};

/// A record as a line of JSON.
#[derive(Serialize)]
struct Line<'a> {
    time: String,
    level: &'a str,
    target: &'a str,
    message: String,
}

/// Starts logging. Called once; a second call (in tests) changes nothing.
pub(crate) fn start(config: &Config) {
    let mut builder = Builder::new();
    builder.parse_filters(&config.log_filter);
    // It logs an error for every visitor whose request head is too large.
    builder.filter_module("actix_http::h1", LevelFilter::Off);
    let format = config.log_format;
    builder.format(move |out, record| {
        let time = out.timestamp_millis().to_string();
        let message = record.args().to_string();
        match format {
            LogFormat::Text => {
                // A line break in a message must not look like a record of its own.
                let message = message.replace('\n', "\n  ").replace('\r', "\\r");
                writeln!(
                    out,
                    "{time} {:<5} {} {message}",
                    record.level(),
                    record.target()
                )
            }
            LogFormat::Json => {
                let line = Line {
                    time,
                    level: record.level().as_str(),
                    target: record.target(),
                    message,
                };
                serde_json::to_writer(&mut *out, &line)?;
                out.write_all(b"\n")
            }
        }
    });
    if builder.try_init().is_err() {
        log::debug!("logging was started before");
    }
}
