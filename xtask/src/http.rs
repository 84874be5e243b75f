//! HTTP client: retries transient errors, turns rejections into errors, and shows no secret.

use std::cell::{Cell, RefCell};
use std::io;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;
use ureq::Agent;
use ureq::http::uri::Authority;
use ureq::http::{Request, Uri};
use ureq::tls::{RootCerts, TlsConfig};

/// Retries after the first attempt.
const RETRIES: u32 = 4;

/// The longest pause that a service may ask for.
const LONGEST_PAUSE: Duration = Duration::from_mins(1);

/// Time limit of one request.
const REQUEST_TIMEOUT: Duration = Duration::from_mins(5);

/// A client for all services.
pub(crate) struct Http {
    agent: Agent,
    /// The pause before the first retry; each later one is twice as long.
    first_pause: Duration,
    deadline: Cell<Option<Instant>>,
    secrets: RefCell<Vec<String>>,
}

/// A response, of any status.
pub(crate) struct Reply {
    pub(crate) status: u16,
    retry_after: Option<Duration>,
    body: Vec<u8>,
}

/// Why a request failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RequestError {
    /// The service was not reached: nothing happened.
    #[error("{service} is unreachable: {cause}")]
    Unreachable { service: String, cause: String },
    /// The connection failed later: the service may have done what was requested.
    #[error("no reply from {service}: {cause}")]
    NoReply { service: String, cause: String },
    #[error("{service} replied {status}: {body}")]
    Rejected {
        service: String,
        status: u16,
        body: String,
    },
}

impl RequestError {
    /// Whether the service has certainly not done what was requested.
    pub(crate) fn changed_nothing(&self) -> bool {
        match self {
            Self::Unreachable { .. } => true,
            Self::NoReply { .. } => false,
            Self::Rejected { .. } => !self.is_transient(),
        }
    }

    fn is_transient(&self) -> bool {
        match self {
            Self::Rejected { status, .. } => {
                matches!(status, 408 | 425 | 429 | 500 | 502 | 503 | 504)
            }
            _ => true,
        }
    }
}

impl Http {
    pub(crate) fn new(first_pause: Duration) -> Self {
        // The certificates that this machine trusts, such as those of a company's proxy.
        let tls = TlsConfig::builder().root_certs(RootCerts::PlatformVerifier);
        let config = Agent::config_builder()
            .tls_config(tls.build())
            .http_status_as_error(false)
            // A load balancer may route each request to another instance.
            .max_idle_connections(0)
            .timeout_connect(Some(Duration::from_secs(10)))
            .timeout_recv_response(Some(Duration::from_mins(1)))
            .user_agent("oc-lettings-xtask")
            .build();
        Self {
            agent: config.into(),
            first_pause,
            deadline: Cell::default(),
            secrets: RefCell::default(),
        }
    }

    /// Limits the time of all requests from now on together.
    pub(crate) fn set_time_limit(&self, limit: Duration) {
        self.deadline.set(Some(Instant::now() + limit));
    }

    fn remaining(&self) -> Duration {
        self.deadline.get().map_or(Duration::MAX, |deadline| {
            deadline.saturating_duration_since(Instant::now())
        })
    }

    /// Replaces a text in everything that is printed.
    pub(crate) fn hide(&self, secret: &str) {
        if !secret.is_empty() {
            self.secrets.borrow_mut().push(secret.to_owned());
        }
    }

    fn masked(&self, text: &str) -> String {
        let secrets = self.secrets.borrow();
        let mask = |text: String, secret: &String| text.replace(secret, "…");
        secrets.iter().fold(text.to_owned(), mask)
    }

    /// One attempt; a reply of any status is a success. `service` is its name in messages.
    pub(crate) fn attempt(
        &self,
        service: &str,
        request: &Request<Vec<u8>>,
        timeout: Duration,
    ) -> Result<Reply, RequestError> {
        // ureq takes zero for no limit.
        let timeout = timeout.min(self.remaining()).max(Duration::from_millis(50));
        let cause = |error: &dyn std::error::Error| self.masked(&error.to_string());
        let sent = if matches!(request.method().as_str(), "GET" | "HEAD") {
            let request = self.agent.configure_request(request.clone().map(|_| ()));
            self.agent
                .run(request.timeout_global(Some(timeout)).build())
        } else {
            let request = self.agent.configure_request(request.clone());
            self.agent
                .run(request.timeout_global(Some(timeout)).build())
        };
        let mut reply = sent.map_err(|error| {
            let (service, cause) = (service.to_owned(), cause(&error));
            if is_unreachable(&error) {
                RequestError::Unreachable { service, cause }
            } else {
                RequestError::NoReply { service, cause }
            }
        })?;
        let retry_after = reply.headers().get("retry-after");
        let retry_after = retry_after.and_then(|value| value.to_str().ok()?.parse().ok());
        let body = reply.body_mut().read_to_vec().map_err(|error| {
            let (service, cause) = (service.to_owned(), cause(&error));
            RequestError::NoReply { service, cause }
        })?;
        Ok(Reply {
            status: reply.status().as_u16(),
            retry_after: retry_after.map(Duration::from_secs),
            body,
        })
    }

    /// Sends a request, with retries of transient errors. A status other than 2xx is an error.
    pub(crate) fn send(
        &self,
        service: &str,
        request: &Request<Vec<u8>>,
    ) -> Result<Reply, RequestError> {
        let mut was_reached = false;
        let mut retries = 0;
        loop {
            let mut wanted_pause = None;
            let reply = self.attempt(service, request, REQUEST_TIMEOUT);
            let error = match reply.and_then(|reply| {
                wanted_pause = reply.retry_after;
                self.accept(service, reply)
            }) {
                // An earlier attempt may have had an effect.
                Err(RequestError::Unreachable { service, cause }) if was_reached => {
                    RequestError::NoReply { service, cause }
                }
                Err(error) => error,
                reply => return reply,
            };
            was_reached |= !matches!(error, RequestError::Unreachable { .. });
            if retries == RETRIES || !error.is_transient() || self.remaining().is_zero() {
                return Err(error);
            }
            eprintln!("  {error}; retrying");
            let pause = wanted_pause.unwrap_or(self.first_pause * 2u32.pow(retries));
            thread::sleep(pause.min(LONGEST_PAUSE).min(self.remaining()));
            retries += 1;
        }
    }

    fn accept(&self, service: &str, reply: Reply) -> Result<Reply, RequestError> {
        if (200..300).contains(&reply.status) {
            return Ok(reply);
        }
        let body = String::from_utf8_lossy(&reply.body);
        let body: Vec<_> = body.split_whitespace().collect();
        Err(RequestError::Rejected {
            service: service.to_owned(),
            status: reply.status,
            body: self.masked(&body.join(" ")).chars().take(300).collect(),
        })
    }
}

impl Reply {
    pub(crate) fn json(&self) -> Result<Value> {
        serde_json::from_slice(&self.body).context("the reply is not JSON")
    }
}

/// Whether no connection was made.
fn is_unreachable(error: &ureq::Error) -> bool {
    use ureq::{Error, Timeout};

    match error {
        Error::HostNotFound
        | Error::ConnectionFailed
        | Error::BadUri(_)
        | Error::InvalidProxyUrl
        | Error::Timeout(Timeout::Resolve | Timeout::Connect) => true,
        Error::Io(error) => error.kind() == io::ErrorKind::ConnectionRefused,
        _ => false,
    }
}

/// A GET request.
pub(crate) fn get(url: &str) -> Result<Request<Vec<u8>>> {
    request("GET", url, &[], Vec::new())
}

pub(crate) fn request(
    method: &str,
    url: &str,
    headers: &[(&str, &str)],
    body: Vec<u8>,
) -> Result<Request<Vec<u8>>> {
    let mut request = Request::builder().method(method).uri(url);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    // The error would show the URL, which may contain a secret.
    request
        .body(body)
        .ok()
        .context("the URL or a header contains characters that are not allowed there")
}

/// Checks the URL in a variable. The error does not show it: it may be a secret in the wrong field.
pub(crate) fn check_url(name: &str, url: &str) -> Result<Uri> {
    let uri = url.parse().ok().filter(|uri: &Uri| {
        let authority = uri.authority().map_or("", Authority::as_str);
        matches!(uri.scheme_str(), Some("http" | "https"))
            && !authority.is_empty()
            && !authority.contains('@')
            // The parser drops fragments.
            && !url.contains('#')
    });
    uri.with_context(|| {
        format!("{name} must be a URL such as https://www.example.org, without login or fragment")
    })
}

/// A URL that paths are appended to.
pub(crate) fn base_url<'a>(name: &str, url: &'a str) -> Result<&'a str> {
    ensure!(
        check_url(name, url)?.query().is_none(),
        "{name} must be a URL without a query (?…)"
    );
    Ok(url.trim_end_matches('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_base_url_has_nothing_but_host_and_path() {
        for url in [
            "https://www.example.org",
            "http://[::1]:8000",
            "https://example.org/under/@ada",
        ] {
            assert_eq!(base_url("APP_URL", &format!("{url}/")).ok(), Some(url));
        }
        let urls = "ftp://example.org|bob:hunter2@example.org|https:///path|https://exa mple.org|\
                https://bob:hunter2@example.org|https://example.org?key=hunter2|\
                https://example.org/#hunter2";
        for wrong in urls.split('|') {
            let error = base_url("APP_URL", wrong).unwrap_err().to_string();
            assert!(error.starts_with("APP_URL must be a URL"), "{error}");
            assert!(!error.contains("hunter2"), "{error}");
        }
    }
}
