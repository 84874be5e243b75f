//! Visitors who repeat requests, and counts of the responses that they got.

use std::net::{SocketAddr, TcpListener};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use ureq::Agent;

/// Method and path of a request, with the expected status.
pub(crate) type Visit = (&'static str, &'static str, u16);

/// Pages that the cache keeps.
pub(crate) const PAGES: [Visit; 3] = [
    ("GET", "/", 200),
    ("GET", "/lettings/", 200),
    ("GET", "/lettings/1/", 200),
];

/// Results of the visitors.
#[derive(Default)]
pub(crate) struct Load {
    /// Whether 503 with Retry-After is a good response now.
    pub(crate) may_be_busy: AtomicBool,
    good: AtomicU64,
    busy: AtomicU64,
    failed: AtomicU64,
    /// In milliseconds.
    slowest: AtomicU64,
    over: AtomicBool,
}

impl Load {
    /// Runs `work` while visitors repeat the requests.
    pub(crate) fn during<T>(
        &self,
        visitors: usize,
        address: SocketAddr,
        requests: &[Visit],
        work: impl FnOnce() -> Result<T>,
    ) -> Result<T> {
        thread::scope(|scope| {
            for _ in 0..visitors {
                scope.spawn(|| self.visit(address, requests));
            }
            let outcome = work();
            self.over.store(true, Ordering::Relaxed);
            outcome
        })
    }

    /// One visitor.
    fn visit(&self, address: SocketAddr, requests: &[Visit]) {
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(Duration::from_secs(30)))
            .build();
        let agent: Agent = config.into();
        for (method, path, expected) in requests.iter().cycle() {
            if self.over.load(Ordering::Relaxed) {
                return;
            }
            let start = Instant::now();
            let outcome = ask(&agent, method, &format!("http://{address}{path}"));
            let time = u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX);
            self.slowest.fetch_max(time, Ordering::Relaxed);
            match outcome {
                Ok((status, _)) if status == *expected => &self.good,
                Ok((503, true)) if self.may_be_busy.load(Ordering::SeqCst) => &self.busy,
                outcome => {
                    eprintln!("{method} {path}: {outcome:?}");
                    &self.failed
                }
            }
            .fetch_add(1, Ordering::Relaxed);
        }
    }

    pub(crate) fn done(&self) -> u64 {
        self.good.load(Ordering::Relaxed) + self.busy() + self.failed()
    }

    /// Number of replies with 503.
    pub(crate) fn busy(&self) -> u64 {
        self.busy.load(Ordering::Relaxed)
    }

    pub(crate) fn failed(&self) -> u64 {
        self.failed.load(Ordering::Relaxed)
    }

    /// The longest response time.
    pub(crate) fn slowest(&self) -> Duration {
        Duration::from_millis(self.slowest.load(Ordering::Relaxed))
    }

    /// Fails if a request failed.
    pub(crate) fn check(&self) -> Result<()> {
        let failed = self.failed();
        ensure!(failed == 0, "{failed} of {} requests failed", self.done());
        Ok(())
    }

    /// Waits until there were this many requests.
    pub(crate) fn wait_for(&self, requests: u64) {
        while self.done() < requests {
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// Waits for this many more requests.
    pub(crate) fn wait_for_more(&self, requests: u64) {
        self.wait_for(self.done() + requests);
    }
}

/// The status of a complete response, and whether it has Retry-After.
fn ask(agent: &Agent, method: &str, url: &str) -> Result<(u16, bool), ureq::Error> {
    let mut response = match method {
        "POST" => agent.post(url).send_form([("a", "b")])?,
        _ => agent.get(url).call()?,
    };
    response.body_mut().read_to_vec()?;
    let retry_after = response.headers().contains_key("retry-after");
    Ok((response.status().as_u16(), retry_after))
}

/// Waits for a condition, and returns how long that took.
pub(crate) fn wait_until(
    limit: Duration,
    what: &str,
    mut condition: impl FnMut() -> Result<bool>,
) -> Result<Duration> {
    let start = Instant::now();
    while !condition()? {
        ensure!(start.elapsed() < limit, "not within {limit:?}: {what}");
        thread::sleep(Duration::from_millis(5));
    }
    Ok(start.elapsed())
}

/// Free ports, all bound until the last is known, so that they differ.
pub(crate) fn free_ports<const N: usize>() -> Result<[u16; N]> {
    let mut ports = [0; N];
    let mut listeners = Vec::new();
    for port in &mut ports {
        let listener = TcpListener::bind(("127.0.0.1", 0))?;
        *port = listener.local_addr()?.port();
        listeners.push(listener);
    }
    Ok(ports)
}
