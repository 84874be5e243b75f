//! Starting the log, once.

use std::io::{self, Write};
use std::time::Duration;

use env_logger::{Builder, Target};
use log::LevelFilter;

use super::queue::Queue;
use super::{bridge, journal, line, panics};
use crate::config::{Config, is_read_by_journal};

/// How long the end of the program waits for the last lines to be written.
const PATIENCE: Duration = Duration::from_secs(1);

/// The log; when this is dropped, what was logged is written, unless nobody reads it.
#[must_use]
pub(crate) struct Log(Option<Queue>);

impl Drop for Log {
    fn drop(&mut self) {
        if let Some(queue) = &self.0 {
            queue.settle(PATIENCE);
        }
    }
}

/// Starts logging. Called once; a second call (in tests) changes nothing.
///
/// `from_afar`: nobody may be held up by whoever reads the log. A command that ends by itself writes its lines at
/// once, between what else it says.
pub(crate) fn start(config: &Config, from_afar: bool) -> Log {
    let mut builder = Builder::new();
    builder.parse_filters(&config.log_filter);
    // It logs an error for every visitor whose request head is too large.
    builder.filter_module("actix_http::h1", LevelFilter::Off);
    let format = config.log_format;
    let is_journal = is_read_by_journal();
    builder.format(move |out, record| {
        if is_journal {
            out.write_all(journal::priority(record.level()).as_bytes())?;
        }
        let time = out.timestamp_millis().to_string();
        line::write(out, format, &time, record)
    });
    let queue = from_afar.then(|| Queue::start(io::stderr())).transpose();
    let queue = queue.unwrap_or_else(|error| {
        // Logging comes first; where there is no thread for this, the site will say so soon.
        eprintln!("the log is written without a thread of its own: {error}");
        None
    });
    if let Some(queue) = &queue {
        builder.target(Target::Pipe(Box::new(queue.clone())));
    }
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
    panics::log(queue.clone());
    Log(queue)
}
