//! Starting the log, once.

use std::io::{self, Write};
use std::time::Duration;

use env_logger::{Builder, Target};
use log::LevelFilter;

use super::discretion::Discreet;
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
    let queue = from_afar.then(|| Queue::start(io::stderr())).transpose();
    let queue = queue.unwrap_or_else(|error| {
        // Logging comes first; where there is no thread for this, the site will say so soon.
        eprintln!("the log is written without a thread of its own: {error}");
        None
    });
    let (logger, level) = logger(config, queue.as_ref());
    if log::set_boxed_logger(logger).is_ok() {
        log::set_max_level(level);
    } else {
        log::debug!("logging was started before");
    }
    panics::log(queue.clone());
    Log(queue)
}

/// What logs as the settings say, and the finest level that it needs.
fn logger(config: &Config, queue: Option<&Queue>) -> (Box<dyn log::Log>, LevelFilter) {
    let mut builder = Builder::new();
    builder.parse_filters(&config.log_filter);
    let format = config.log_format;
    let is_journal = is_read_by_journal();
    builder.format(move |out, record| {
        if is_journal {
            out.write_all(journal::priority(record.level()).as_bytes())?;
        }
        let time = out.timestamp_millis().to_string();
        line::write(out, format, &time, record)
    });
    if let Some(queue) = queue {
        builder.target(Target::Pipe(Box::new(queue.clone())));
    }
    let logger = builder.build();
    let level = logger.filter();
    if config.sentry.is_some() {
        let bridge = bridge::with(logger, &config.log_filter);
        (Box::new(Discreet(bridge)), level.max(LevelFilter::Info))
    } else {
        (Box::new(Discreet(logger)), level)
    }
}

#[cfg(test)]
mod tests {
    use log::{Level, Metadata};

    use super::*;

    #[test]
    fn no_filter_has_a_library_print_the_key_for_sentry() -> anyhow::Result<()> {
        for dsn in [None, Some("https://key@sentry.example/7")] {
            let filter =
                "trace,ureq_proto=trace,ureq_proto::util=trace,actix_http::h1::decoder=trace";
            let config = Config::from_lookup(&|name| match name {
                "RUST_LOG" => Some(filter.to_owned()),
                "SENTRY_DSN" => dsn.map(str::to_owned),
                _ => None,
            })?;

            let (logger, _) = logger(&config, None);

            let tells = |target: &str, level| {
                logger.enabled(&Metadata::builder().target(target).level(level).build())
            };
            assert!(!tells("ureq_proto::util", Level::Trace), "{dsn:?}");
            assert!(!tells("ureq::run", Level::Trace), "{dsn:?}");
            assert!(!tells("actix_http::h1::decoder", Level::Error), "{dsn:?}");
            assert!(tells("ureq::run", Level::Debug), "{dsn:?}");
            assert!(tells("web::server", Level::Trace), "{dsn:?}");
        }
        Ok(())
    }
}
