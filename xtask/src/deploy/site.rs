//! The site at its public address, and which revision answers there.

use std::fmt;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use serde_json::Value;

use super::host::{Host, ReleaseStatus};
use crate::http::{Http, get};

/// Time limit of one look: a site that takes longer is not ready.
const LOOK_TIMEOUT: Duration = Duration::from_secs(10);

/// Time limit for asking the host between looks.
const STATUS_TIMEOUT: Duration = Duration::from_secs(10);

/// Looks before a site without an answer counts as down.
const LOOKS: u32 = 5;

/// Good looks in a row that count as success.
const IN_A_ROW: u32 = 10;

/// While the site is not ready, the host is asked at every fifth look.
const HOST_EVERY: u32 = 5;

/// What decides whether a release succeeded, once the site answers with its revision.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Authority {
    /// The site alone.
    Site,
    /// The site, unless the host reports a failed or pending release.
    Both,
    /// The host, if it reports anything: the site answered with that revision before.
    Host,
}

pub(crate) struct Site<'a> {
    http: &'a Http,
    pub(crate) url: &'a str,
    /// Pause between two looks.
    pause: Duration,
    pub(crate) timeout: Duration,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Observation {
    Revision {
        revision: String,
        /// Why it is not ready.
        problem: Option<String>,
    },
    /// The site is down, for that reason.
    Nothing(String),
}

impl fmt::Display for Observation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Revision {
                revision,
                problem: None,
            } => write!(f, "{revision}, ready"),
            Self::Revision {
                revision,
                problem: Some(problem),
            } => write!(f, "{revision}, not ready ({problem})"),
            Self::Nothing(reason) => f.write_str(reason),
        }
    }
}

impl<'a> Site<'a> {
    /// With a short timeout the pause is shorter too, so that enough looks fit in.
    pub(crate) fn new(http: &'a Http, url: &'a str, pause: Duration, timeout: Duration) -> Self {
        Self {
            http,
            url,
            pause: pause.min(timeout / 40),
            timeout,
        }
    }

    /// Gives all requests from now on, also those to the host, the whole timeout.
    pub(crate) fn start_time_limit(&self) {
        self.http.set_time_limit(self.timeout);
    }

    /// Looks a few times until a revision answers.
    pub(crate) fn observe_with_retries(&self) -> Observation {
        self.start_time_limit();
        let mut observation = self.observe();
        for _ in 1..LOOKS {
            if matches!(observation, Observation::Revision { .. }) {
                break;
            }
            thread::sleep(self.pause);
            observation = self.observe();
        }
        observation
    }

    fn observe(&self) -> Observation {
        let reason = match self.get("/healthz") {
            Ok((200, health)) => match health["revision"].as_str() {
                Some(revision) => {
                    return Observation::Revision {
                        revision: revision.to_owned(),
                        problem: self.readiness_problem(),
                    };
                }
                None => "/healthz names no revision".to_owned(),
            },
            Ok((status, _)) => format!("/healthz replied {status}"),
            Err(error) => error.to_string(),
        };
        Observation::Nothing(reason)
    }

    fn readiness_problem(&self) -> Option<String> {
        match self.get("/readyz") {
            Ok((200, _)) => None,
            Ok((status, body)) if body["checks"].is_object() => {
                Some(format!("/readyz replied {status}: {}", body["checks"]))
            }
            Ok((status, _)) => Some(format!("/readyz replied {status}")),
            Err(error) => Some(error.to_string()),
        }
    }

    fn get(&self, path: &str) -> Result<(u16, Value)> {
        let request = get(&format!("{}{path}", self.url))?;
        let reply = self.http.attempt(path, &request, LOOK_TIMEOUT)?;
        let body = reply.json().unwrap_or_default();
        Ok((reply.status, body))
    }

    /// Looks until that revision is ready several times in a row, and the host agrees if it is an authority. Prints each
    /// change; the error has the last observation.
    pub(crate) fn wait_for(
        &self,
        revision: &str,
        authority: Authority,
        host: &mut dyn Host,
    ) -> Result<()> {
        let start = Instant::now();
        let remaining = || self.timeout.saturating_sub(start.elapsed());
        let mut last: Option<Observation> = None;
        let mut in_a_row = 0;
        let mut looks: u32 = 0;
        let mut status_error = None;
        loop {
            self.http.set_time_limit(remaining());
            let observation = self.observe();
            let is_good = observation
                == Observation::Revision {
                    revision: revision.to_owned(),
                    problem: None,
                };
            in_a_row = if is_good { in_a_row + 1 } else { 0 };
            let seconds = start.elapsed().as_secs();
            if last.as_ref() != Some(&observation) {
                println!("  {seconds:>4} s  {}: {observation}", self.url);
            }
            let is_ready = in_a_row >= IN_A_ROW;
            if in_a_row == IN_A_ROW {
                println!("  {seconds:>4} s  {IN_A_ROW} times in a row");
            }
            if is_ready && authority == Authority::Site {
                return Ok(());
            }
            if is_ready || (!is_good && looks.is_multiple_of(HOST_EVERY)) {
                self.http.set_time_limit(remaining().min(STATUS_TIMEOUT));
                match host.status() {
                    Ok(ReleaseStatus::Failed(reason)) => {
                        bail!("{reason}; last: {observation}");
                    }
                    Ok(ReleaseStatus::Unknown | ReleaseStatus::Succeeded) if is_ready => {
                        return Ok(());
                    }
                    Ok(_) => status_error = None,
                    Err(error) => {
                        println!("  {seconds:>4} s  {error:#}");
                        if is_ready && authority == Authority::Both {
                            return Ok(());
                        }
                        status_error = Some(error);
                    }
                }
            }
            looks += 1;
            if start.elapsed() + self.pause > self.timeout {
                let problem = if is_ready {
                    format!("{revision} is ready, but the release is still pending")
                } else {
                    format!("{revision} was not ready {IN_A_ROW} times in a row")
                };
                let status = status_error.map_or_else(String::new, |error| format!("; {error:#}"));
                let seconds = self.timeout.as_secs_f32();
                bail!("{problem} within {seconds} s; last: {observation}{status}");
            }
            last = Some(observation);
            thread::sleep(self.pause);
        }
    }
}
