//! How reports are sent: by one thread, from a bounded queue, with a limit on every wait.

use std::sync::Arc;
use std::sync::mpsc::sync_channel;
use std::thread;
use std::time::Duration;

use sentry::transports::{RateLimiter, StdTransportThread, StdTransportThreadOptions};
use sentry::{Envelope, Transport, TransportFactory, TransportOptions};
use ureq::Agent;
use ureq::http::Response;
use ureq::tls::{RootCerts, TlsConfig};

use super::DELIVERIES;

/// The most reports that wait to be sent; what comes then is dropped.
const QUEUE: usize = 64;

/// How long a report may take on its way.
const PATIENCE: Duration = Duration::from_secs(5);

/// Makes the transport when the client starts.
pub(super) struct Factory;

impl TransportFactory for Factory {
    fn create_transport_with_options(&self, options: TransportOptions) -> Arc<dyn Transport> {
        // The authorities of this machine, or of SSL_CERT_FILE: a company's own Sentry has a certificate of its own.
        let tls = TlsConfig::builder().root_certs(RootCerts::PlatformVerifier);
        let agent: Agent = Agent::config_builder()
            .tls_config(tls.build())
            .timeout_global(Some(PATIENCE))
            .http_status_as_error(false)
            .max_redirects(0)
            .build()
            .into();
        let url = options.dsn.envelope_api_url().to_string();
        let auth = options.dsn.to_auth(Some(&options.user_agent)).to_string();
        let send = move |envelope: Envelope, limits: &mut RateLimiter| {
            let mut body = Vec::new();
            if let Err(error) = envelope.to_writer(&mut body) {
                DELIVERIES.failed(&format!("a report cannot be written: {error}"));
                return;
            }
            let sent = agent
                .post(&url)
                .header("X-Sentry-Auth", &auth)
                .header("Content-Type", "application/x-sentry-envelope")
                .send(&body);
            match sent {
                Ok(response) => heed(&response, limits),
                Err(error) => DELIVERIES.failed(&error.to_string()),
            }
        };
        let thread = StdTransportThreadOptions::new(send)
            .with_client_report_recorder(options.client_report_recorder)
            .with_channel_capacity(QUEUE)
            .spawn_thread();
        Arc::new(Bounded(Some(Arc::new(thread))))
    }
}

/// Keeps to what Sentry says of its limits.
fn heed<B>(response: &Response<B>, limits: &mut RateLimiter) {
    let header = |name| response.headers().get(name)?.to_str().ok();
    let status = response.status();
    if let Some(value) = header("x-sentry-rate-limits") {
        limits.update_from_sentry_header(value);
    } else if let Some(value) = header("retry-after") {
        limits.update_from_retry_after(value);
    } else if status.as_u16() == 429 {
        limits.update_from_429();
    }
    if status.is_success() {
        DELIVERIES.succeeded();
    } else {
        DELIVERIES.failed(&format!("it answered {status}"));
    }
}

/// The sending thread, of which nobody waits for longer than they want to: its own `flush` waits for room in the
/// queue, and its end for the report under way.
struct Bounded(Option<Arc<StdTransportThread>>);

impl Transport for Bounded {
    fn send_envelope(&self, envelope: Envelope) {
        if let Some(thread) = &self.0 {
            thread.send(envelope);
        }
    }

    fn flush(&self, timeout: Duration) -> bool {
        let Some(sender) = self.0.clone() else {
            return true;
        };
        let (done, wait) = sync_channel(1);
        let helper = thread::Builder::new()
            .name("sentry-flush".to_owned())
            .spawn(move || done.send(sender.flush(timeout)));
        helper.is_ok() && wait.recv_timeout(timeout).unwrap_or(false)
    }
}

impl Drop for Bounded {
    fn drop(&mut self) {
        let sender = self.0.take();
        // Where no thread can be had, this waits: there is no other way.
        thread::Builder::new()
            .name("sentry-end".to_owned())
            .spawn(move || drop(sender))
            .ok();
    }
}
