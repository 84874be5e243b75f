//! Looks at the site as a visitor does, until it is what it should be or it is too late.

use std::fmt;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Result;

use super::Verdict;
use crate::http::{Http, get};

/// How long one look may take: a site that keeps its visitors waiting longer is not well.
const LONGEST_LOOK: Duration = Duration::from_secs(10);

/// How long a host is asked what it knows, before we look at the site again.
const LONGEST_VERDICT: Duration = Duration::from_secs(10);

/// So often we look for what runs, before we say that nothing does.
const LOOKS: u32 = 5;

/// How often and how long we look.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pace {
    /// The pause between two looks.
    pub(crate) pause: Duration,
    /// When to give up.
    pub(crate) timeout: Duration,
    /// So many good looks in a row count as success.
    pub(crate) row: u32,
    /// At every so manieth look the host is asked too.
    pub(crate) host_every: u32,
}

impl Pace {
    /// With that pause, up to that time. When there is little time, the pause is so short that a few rows have room.
    pub(crate) fn of(pause: Duration, timeout: Duration) -> Self {
        Self {
            pause: pause.min(timeout / 40),
            timeout,
            row: 10,
            host_every: 5,
        }
    }
}

/// Who says whether the revision that was asked for runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Judge {
    /// The site. The host is asked only while the site is not well: when we go back, what answers is what counts.
    Site,
    /// The site, unless the host is against it or not through; one that cannot be asked has nothing against it.
    Both,
    /// The same, but a host that can be asked has to say it: the site answered with that revision before.
    Host,
}

/// The site at its public address.
pub(crate) struct Site<'a> {
    http: &'a Http,
    url: String,
}

/// What one look showed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Seen {
    /// That revision answers; if something keeps it from being ready, what.
    Revision {
        revision: String,
        trouble: Option<String>,
    },
    /// No revision answers.
    Nothing(String),
}

impl fmt::Display for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Revision {
                revision,
                trouble: None,
            } => write!(f, "{revision}, ready"),
            Self::Revision {
                revision,
                trouble: Some(trouble),
            } => write!(f, "{revision}, not ready ({trouble})"),
            Self::Nothing(why) => f.write_str(why),
        }
    }
}

/// Everything that was seen, without repetitions.
#[derive(Debug, Default)]
pub(crate) struct Sightings(Vec<(Seen, u32)>);

impl Sightings {
    /// Whether this is something new.
    fn add(&mut self, seen: Seen) -> bool {
        match self.0.last_mut() {
            Some((last, count)) if *last == seen => {
                *count += 1;
                false
            }
            _ => {
                self.0.push((seen, 1));
                true
            }
        }
    }
}

impl fmt::Display for Sightings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        /// Of a site that flaps, the end says enough.
        const LAST: usize = 6;

        let left_out = self.0.len().saturating_sub(LAST);
        if left_out > 0 {
            write!(f, "… {left_out} changes before; ")?;
        }
        let last: Vec<String> = self.0[left_out..]
            .iter()
            .map(|(seen, count)| format!("{count} × {seen}"))
            .collect();
        f.write_str(&last.join("; "))
    }
}

impl<'a> Site<'a> {
    /// The site at that address.
    pub(crate) fn new(http: &'a Http, url: &str) -> Self {
        Self {
            http,
            url: url.to_owned(),
        }
    }

    /// Has nothing waited for longer than the whole may take.
    pub(crate) fn hurry(&self, pace: Pace) {
        self.http.hurry(pace.timeout);
    }

    /// Where it is.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Looks until some revision answers, though only a few times: one look may be unlucky.
    pub(crate) fn look_again(&self, pace: Pace) -> Seen {
        let mut seen = self.look();
        for _ in 1..LOOKS {
            if !matches!(seen, Seen::Nothing(_)) {
                break;
            }
            thread::sleep(pace.pause);
            seen = self.look();
        }
        seen
    }

    /// Looks once.
    fn look(&self) -> Seen {
        match self.ask("/healthz") {
            Ok((200, health)) => match health["revision"].as_str() {
                Some(revision) => Seen::Revision {
                    revision: revision.to_owned(),
                    trouble: self.trouble(),
                },
                None => Seen::Nothing("/healthz answers, but names no revision".to_owned()),
            },
            Ok((status, _)) => Seen::Nothing(format!("/healthz answers {status}")),
            Err(error) => Seen::Nothing(error.to_string()),
        }
    }

    fn trouble(&self) -> Option<String> {
        match self.ask("/readyz") {
            Ok((200, _)) => None,
            Ok((status, body)) if body["checks"].is_object() => {
                Some(format!("/readyz answers {status}: {}", body["checks"]))
            }
            Ok((status, _)) => Some(format!("/readyz answers {status}")),
            Err(error) => Some(error.to_string()),
        }
    }

    fn ask(&self, path: &str) -> Result<(u16, serde_json::Value)> {
        let answer = self
            .http
            .within(LONGEST_LOOK, path, &get(&format!("{}{path}", self.url))?)?;
        let body = answer.json().unwrap_or_default();
        Ok((answer.status, body))
    }

    /// Looks until that revision is well so many times in a row, and the host says so too where it has a say. The error
    /// is what was seen instead.
    pub(crate) fn wait_for(
        &self,
        revision: &str,
        pace: Pace,
        judge: Judge,
        verdict: &mut dyn FnMut() -> Result<Verdict>,
    ) -> Result<(), String> {
        let start = Instant::now();
        let mut sightings = Sightings::default();
        let mut row = 0;
        let mut looks: u32 = 0;
        let mut silent = None;
        loop {
            self.http
                .hurry(pace.timeout.saturating_sub(start.elapsed()));
            let seen = self.look();
            let good = matches!(&seen, Seen::Revision { revision: found, trouble: None } if found == revision);
            row = if good { row + 1 } else { 0 };
            let seconds = start.elapsed().as_secs();
            if sightings.add(seen.clone()) {
                println!("  {seconds:>4} s  {}: {seen}", self.url);
            }
            let well = row >= pace.row;
            if row == pace.row {
                println!("  {seconds:>4} s  {row} times in a row");
            }
            if well && judge == Judge::Site {
                return Ok(());
            }
            if well || (!good && looks.is_multiple_of(pace.host_every)) {
                let left = pace.timeout.saturating_sub(start.elapsed());
                self.http.hurry(left.min(LONGEST_VERDICT));
                match verdict() {
                    Ok(Verdict::Failed(why)) => return Err(format!("{why}; saw {sightings}")),
                    Ok(Verdict::Silent | Verdict::Done) if well => return Ok(()),
                    Ok(Verdict::Going) if well => {
                        if row == pace.row {
                            println!("  {seconds:>4} s  the host is not through with it");
                        }
                        silent = None;
                    }
                    Ok(_) => silent = None,
                    Err(error) => {
                        println!("  {seconds:>4} s  {error:#}");
                        // The site is the judge, as long as the host has nothing to say.
                        if well && judge == Judge::Both {
                            return Ok(());
                        }
                        silent = Some(error);
                    }
                }
            }
            looks += 1;
            if start.elapsed() + pace.pause > pace.timeout {
                let silent = silent.map_or_else(String::new, |error| format!("; {error:#}"));
                let wrong = if well {
                    format!("{revision} is well, and the host was not through with it")
                } else {
                    format!("{revision} was not well {} times in a row", pace.row)
                };
                return Err(format!(
                    "{wrong} within {} s; saw {sightings}{silent}",
                    pace.timeout.as_secs_f32()
                ));
            }
            thread::sleep(pace.pause);
        }
    }
}
