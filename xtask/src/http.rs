//! The one HTTP client: tries again what is passing, turns refusals into errors, and shows no secret.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::io;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use serde_json::Value;
use ureq::Agent;
use ureq::http::{HeaderMap, Request};
use ureq::tls::{RootCerts, TlsConfig};

/// How often a request is sent that meets a passing trouble.
const ATTEMPTS: u32 = 5;

/// The longest pause that a host may ask for.
const LONGEST_PAUSE: Duration = Duration::from_mins(1);

/// How long one request may take, with all that comes of it; an image may be on its way.
const LONGEST: Duration = Duration::from_mins(5);

/// The most that is read of an answer; an image is smaller.
const LARGEST_ANSWER: u64 = 512 << 20;

/// A client for everything outside.
pub(crate) struct Http {
    agent: Agent,
    /// The pause after the first failure; each later one is twice as long.
    first_pause: Duration,
    /// When nothing is waited for any more.
    deadline: Cell<Option<Instant>>,
    secrets: RefCell<Vec<String>>,
}

/// What came back.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

/// A host's clear no: what was asked for did not happen.
#[derive(Debug)]
pub(crate) struct Refusal {
    /// Whom we asked for what.
    what: String,
    pub(crate) status: u16,
    words: String,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            what,
            status,
            words,
        } = self;
        write!(f, "{what} answered {status}: {words}")
    }
}

impl std::error::Error for Refusal {}

impl Refusal {
    /// Whether it says that the request is wrong, and nothing was done.
    pub(crate) fn is_final(&self) -> bool {
        (400..500).contains(&self.status) && !is_passing(self.status)
    }

    /// Whether those words are among its own.
    pub(crate) fn says(&self, words: &str) -> bool {
        self.words.contains(words)
    }
}

/// The word that a request never left, since there was nobody to take it.
#[derive(Debug)]
pub(crate) struct Unsent(String);

impl fmt::Display for Unsent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Unsent {}

impl Http {
    /// A client that pauses so long after the first failure.
    pub(crate) fn new(first_pause: Duration) -> Self {
        // Whom this machine trusts, also behind a company's proxy.
        let tls = TlsConfig::builder().root_certs(RootCerts::PlatformVerifier);
        let config = Agent::config_builder()
            .tls_config(tls.build())
            .http_status_as_error(false)
            // Behind a balancer every question has to find its own way.
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

    /// From now on nothing is waited for longer than that.
    pub(crate) fn hurry(&self, patience: Duration) {
        self.deadline.set(Some(Instant::now() + patience));
    }

    /// What is left until then.
    fn left(&self) -> Duration {
        self.deadline.get().map_or(Duration::MAX, |deadline| {
            deadline.saturating_duration_since(Instant::now())
        })
    }

    /// Keeps a text out of everything that is shown.
    pub(crate) fn hide(&self, secret: &str) {
        if !secret.is_empty() {
            self.secrets.borrow_mut().push(secret.to_owned());
        }
    }

    /// A text with the secrets taken out.
    pub(crate) fn masked(&self, text: &str) -> String {
        let secrets = self.secrets.borrow();
        secrets
            .iter()
            .fold(text.to_owned(), |text, secret| text.replace(secret, "…"))
    }

    /// One attempt; any status is an answer. `what` says for people whom we ask for what.
    pub(crate) fn once(&self, what: &str, request: &Request<Vec<u8>>) -> Result<Answer> {
        self.within(LONGEST, what, request)
    }

    /// One attempt that takes no longer than that.
    pub(crate) fn within(
        &self,
        patience: Duration,
        what: &str,
        request: &Request<Vec<u8>>,
    ) -> Result<Answer> {
        // No time at all would be taken for no limit.
        let patience = patience.min(self.left()).max(Duration::from_millis(50));
        let answer = if matches!(request.method().as_str(), "GET" | "HEAD") {
            let request = request.clone().map(|_| ());
            let request = self.agent.configure_request(request);
            self.agent
                .run(request.timeout_global(Some(patience)).build())
        } else {
            let request = self.agent.configure_request(request.clone());
            self.agent
                .run(request.timeout_global(Some(patience)).build())
        };
        let mut answer = answer.map_err(|error| {
            let words = format!(
                "{what} does not answer: {}",
                self.masked(&error.to_string())
            );
            if never_left(&error) {
                Unsent(words).into()
            } else {
                anyhow::anyhow!(words)
            }
        })?;
        let body = answer.body_mut().with_config().limit(LARGEST_ANSWER);
        let body = body.read_to_vec().map_err(|error| {
            anyhow::anyhow!("{what} broke off: {}", self.masked(&error.to_string()))
        })?;
        Ok(Answer {
            status: answer.status().as_u16(),
            headers: answer.headers().clone(),
            body,
        })
    }

    /// Sends a request, again and again while the trouble is passing; the last answer, whatever its status. The error is
    /// [`Unsent`] when no attempt got through.
    pub(crate) fn answer(&self, what: &str, request: &Request<Vec<u8>>) -> Result<Answer> {
        let mut pause = self.first_pause;
        let mut sent = false;
        for attempt in 1.. {
            let mut outcome = self.once(what, request);
            match &outcome {
                Err(error) if !error.is::<Unsent>() => sent = true,
                Err(error) if sent => outcome = Err(anyhow::anyhow!("{error}")),
                Err(_) => {}
                Ok(_) => sent = true,
            }
            let trouble = match &outcome {
                Ok(answer) if !is_passing(answer.status) => return outcome,
                Ok(answer) => format!("{what} answered {}", answer.status),
                Err(error) => error.to_string(),
            };
            if attempt == ATTEMPTS {
                return outcome;
            }
            let wanted = outcome.as_ref().ok().and_then(Answer::pause);
            let pause_now = wanted.unwrap_or(pause).min(LONGEST_PAUSE);
            if pause_now >= self.left() {
                return outcome;
            }
            eprintln!("  {trouble}; again in {:.1} s", pause_now.as_secs_f32());
            thread::sleep(pause_now);
            pause *= 2;
        }
        unreachable!("the loop ends by returning")
    }

    /// As [`Self::answer`]; a status that is not 2xx is a [`Refusal`].
    pub(crate) fn send(&self, what: &str, request: &Request<Vec<u8>>) -> Result<Answer> {
        let answer = self.answer(what, request)?;
        self.accept(what, answer)
    }

    /// The answer, or the refusal that it is.
    pub(crate) fn accept(&self, what: &str, answer: Answer) -> Result<Answer> {
        if (200..300).contains(&answer.status) {
            return Ok(answer);
        }
        let words: String = String::from_utf8_lossy(&answer.body)
            .split_whitespace()
            .collect::<Vec<_>>()
            .join(" ");
        let words = self.masked(&words).chars().take(300).collect();
        Err(Refusal {
            what: what.to_owned(),
            status: answer.status,
            words,
        }
        .into())
    }
}

impl Answer {
    /// The body as JSON.
    pub(crate) fn json(&self) -> Result<Value> {
        serde_json::from_slice(&self.body).context("the answer is not JSON")
    }

    /// A header's value.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    fn pause(&self) -> Option<Duration> {
        let seconds = self.header("retry-after")?.parse().ok()?;
        Some(Duration::from_secs(seconds))
    }
}

/// Whether a status says «not now» and not «no».
fn is_passing(status: u16) -> bool {
    matches!(status, 408 | 425 | 429 | 500 | 502 | 503 | 504)
}

/// Whether there was no connection that a request could have gone over.
fn never_left(error: &ureq::Error) -> bool {
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

/// A request without a body.
pub(crate) fn get(url: &str) -> Result<Request<Vec<u8>>> {
    request("GET", url, &[], Vec::new())
}

/// A request with these headers and that body.
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
    // The error would show the address, in which there may be a secret.
    request.body(body).map_err(|_| {
        let why = "that is no address, or a header has characters that no header may have";
        Unsent(why.to_owned()).into()
    })
}
