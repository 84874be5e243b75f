//! The Sentry client: reports, log records and timings.

use std::panic::PanicHookInfo;
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use diesel::connection::{Instrumentation, InstrumentationEvent, set_default_instrumentation};
use log::{Level, Log};
use oc_http::request_context;
use sentry::integrations::log::{LogFilter, SentryLogger};
use sentry::integrations::panic::PanicIntegration;
use sentry::protocol::{Event, Log as LogEntry, LogAttribute, Value};
use sentry::transports::UreqHttpTransportOptions;
use sentry::{
    ClientInitGuard, ClientOptions, Hub, MaxRequestBodySize, SessionMode, Span, Transport,
    TransportFactory, TransportOptions,
};
use ureq::Agent;
use ureq::tls::{RootCerts, TlsConfig};

use super::logging;
use super::redact::redact_emails;
use crate::config::Config;

/// Limit for sending one report.
const SEND_TIMEOUT: Duration = Duration::from_secs(3);

/// Limit for sending queued reports at exit.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(5);

/// Routes without timings.
const UNTIMED: [&str; 4] = ["/static/", "/favicon.ico", "/healthz", "/readyz"];

/// How long the exit may wait for reports: part of the time for a stop, none without Sentry.
pub(crate) fn flush_timeout(config: &Config) -> Duration {
    match config.sentry.dsn {
        Some(_) => FLUSH_TIMEOUT.min(config.limits.shutdown_timeout / 4),
        None => Duration::ZERO,
    }
}

/// Sends queued reports when dropped, within the time limit.
pub(crate) struct SentryGuard {
    client: Option<ClientInitGuard>,
    timeout: Duration,
}

impl Drop for SentryGuard {
    fn drop(&mut self) {
        let client = self.client.take();
        let (sender, closed) = mpsc::channel();
        // On a thread: closing the client can outlast its own timeout when Sentry doesn't respond.
        thread::spawn(move || {
            drop(client);
            sender.send(())
        });
        if closed.recv_timeout(self.timeout).is_err() {
            log::warn!("could not send all reports to Sentry: timed out");
        }
    }
}

/// Starts the client if `SENTRY_DSN` is set.
pub(super) fn start(config: &Config) -> Option<SentryGuard> {
    let settings = &config.sentry;
    let dsn = settings.dsn.clone()?;
    let timeout = flush_timeout(config);
    let rate = settings.traces_sample_rate;
    let mut options = ClientOptions::new()
        .release(settings.release.clone())
        .environment(settings.environment.clone())
        .send_default_pii(settings.send_default_pii)
        .max_request_body_size(MaxRequestBodySize::None)
        .attach_stacktrace(true)
        .auto_session_tracking(true)
        .session_mode(SessionMode::Request)
        .shutdown_timeout(timeout)
        .before_send(|event| Some(redact_event(event)))
        .before_send_log(|entry| Some(redact_log(entry)))
        // A function rather than a rate: a rate lets visitors request timings with a header.
        .traces_sampler(move |context| {
            let route = context
                .name()
                .split_once(' ')
                .map_or("", |(_, route)| route);
            let is_timed = !UNTIMED.iter().any(|prefix| route.starts_with(prefix));
            if is_timed { rate } else { 0.0 }
        })
        .transport(TimeLimitedTransport);
    options.dsn = Some(dsn);
    if rate > 0.0 {
        set_default_instrumentation(|| Some(Box::new(StatementSpans::default())))
            .expect("no thread panicked while it set the instrumentation");
    }
    Some(SentryGuard {
        client: Some(sentry::init(options)),
        timeout,
    })
}

/// Sends reports with time limits, which the default transport lacks.
struct TimeLimitedTransport;

impl TransportFactory for TimeLimitedTransport {
    fn create_transport_with_options(&self, options: TransportOptions) -> Arc<dyn Transport> {
        // The certificates that the system trusts: a self-hosted Sentry may have its own authority.
        let tls = TlsConfig::builder().root_certs(RootCerts::PlatformVerifier);
        let agent: Agent = Agent::config_builder()
            .tls_config(tls.build())
            .timeout_global(Some(SEND_TIMEOUT))
            .build()
            .into();
        let options = UreqHttpTransportOptions::from(options).with_agent(agent);
        Arc::new(options.build())
    }
}

/// A logger that also sends records to Sentry: warnings and errors as logs, others as breadcrumbs.
pub(super) fn logger(logger: Box<dyn Log>) -> impl Log {
    // Records of the libraries that send reports would cause new reports.
    const SENDERS: [&str; 3] = ["rustls", "sentry", "ureq"];
    SentryLogger::with_dest(logger).filter(|metadata| {
        let is_sender = SENDERS
            .iter()
            .any(|name| metadata.target().starts_with(name));
        match metadata.level() {
            _ if is_sender || logging::is_suppressed(metadata) => LogFilter::Ignore,
            Level::Error | Level::Warn => LogFilter::Log,
            Level::Info => LogFilter::Breadcrumb,
            Level::Debug | Level::Trace => LogFilter::Ignore,
        }
    })
}

/// Queues a report of a panic.
pub(super) fn capture_panic(info: &PanicHookInfo<'_>) {
    Hub::with_active(|hub| hub.capture_event(PanicIntegration::new().event_from_panic_info(info)));
}

fn redact_event(mut event: Event<'static>) -> Event<'static> {
    event.message.iter_mut().for_each(redact);
    for exception in &mut event.exception.values {
        exception.value.iter_mut().for_each(redact);
    }
    for breadcrumb in &mut event.breadcrumbs.values {
        breadcrumb.message.iter_mut().for_each(redact);
        breadcrumb.data.values_mut().for_each(redact_value);
    }
    event
}

/// Also adds the request id.
fn redact_log(mut entry: LogEntry) -> LogEntry {
    redact(&mut entry.body);
    for LogAttribute(value) in entry.attributes.values_mut() {
        redact_value(value);
    }
    if let Some(request) = request_context::current() {
        let id = request.id.clone().into();
        entry.attributes.insert("request_id".to_owned(), id);
    }
    entry
}

fn redact(text: &mut String) {
    *text = redact_emails(text).into_owned();
}

fn redact_value(value: &mut Value) {
    if let Value::String(text) = value {
        redact(text);
    }
}

/// Adds a span for each SQL statement of a connection to the current request's timings.
#[derive(Default)]
struct StatementSpans(Option<Span>);

impl Instrumentation for StatementSpans {
    fn on_connection_event(&mut self, event: InstrumentationEvent<'_>) {
        match event {
            InstrumentationEvent::StartQuery { query, .. } => {
                let parent = sentry::configure_scope(|scope| scope.get_span());
                self.0 = parent.map(|parent| {
                    // Bound values come after the statement and are not sent.
                    let text = query.to_string();
                    let statement = text.split("-- binds").next().unwrap_or_default().trim_end();
                    parent.start_child("db.sql.query", statement)
                });
            }
            InstrumentationEvent::FinishQuery { .. } => {
                if let Some(span) = self.0.take() {
                    span.finish();
                }
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reports_are_flushed_within_the_time_for_a_stop() -> anyhow::Result<()> {
        let timeout = |settings: &[(&str, &str)]| -> anyhow::Result<Duration> {
            let lookup = |name: &str| settings.iter().find(|(known, _)| *known == name);
            let config = Config::from_lookup(&|name| Some(lookup(name)?.1.to_owned()))?;
            Ok(flush_timeout(&config))
        };
        let dsn = ("SENTRY_DSN", "https://key@sentry.example/7");

        assert_eq!(timeout(&[dsn])?, FLUSH_TIMEOUT);
        assert_eq!(
            timeout(&[dsn, ("SHUTDOWN_TIMEOUT", "4")])?,
            Duration::from_secs(1)
        );
        assert_eq!(timeout(&[("SHUTDOWN_TIMEOUT", "4")])?, Duration::ZERO);
        Ok(())
    }
}
