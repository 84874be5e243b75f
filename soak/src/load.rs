//! Visitors with kept-alive connections, and counts of the responses that they got.

use std::net::TcpListener;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use anyhow::Result;
use ureq::Agent;

/// Method and path of a request, with the expected status.
pub(crate) type Visit = (&'static str, &'static str, u16);

/// Results of the visitors.
#[derive(Default)]
pub(crate) struct Load {
    good: AtomicU64,
    failed: AtomicU64,
    over: AtomicBool,
}

impl Load {
    /// Runs `work` while visitors repeat the requests.
    pub(crate) fn during<T>(
        &self,
        visitors: usize,
        url: &str,
        requests: &[Visit],
        work: impl FnOnce() -> Result<T>,
    ) -> Result<T> {
        thread::scope(|scope| {
            for _ in 0..visitors {
                scope.spawn(|| self.visit(url, requests));
            }
            let outcome = work();
            self.over.store(true, Ordering::Relaxed);
            outcome
        })
    }

    /// One visitor, who sends requests over a kept-alive connection.
    fn visit(&self, url: &str, requests: &[Visit]) {
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(Duration::from_secs(30)))
            .build();
        let agent: Agent = config.into();
        for (method, path, expected) in requests.iter().cycle() {
            if self.over.load(Ordering::Relaxed) {
                return;
            }
            match ask(&agent, method, &format!("{url}{path}")) {
                Ok(status) if status == *expected => self.good.fetch_add(1, Ordering::Relaxed),
                outcome => {
                    eprintln!("{method} {path}: {outcome:?}");
                    self.failed.fetch_add(1, Ordering::Relaxed)
                }
            };
        }
    }

    pub(crate) fn done(&self) -> u64 {
        self.good.load(Ordering::Relaxed) + self.failed()
    }

    pub(crate) fn failed(&self) -> u64 {
        self.failed.load(Ordering::Relaxed)
    }

    /// Waits until there were this many requests.
    pub(crate) fn wait_for(&self, requests: u64) {
        while self.done() < requests {
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// Waits for this many more requests.
    pub(crate) fn wait_for_more(&self, requests: u64) {
        self.wait_for(self.done() + requests);
    }
}

/// The status of a complete response.
fn ask(agent: &Agent, method: &str, url: &str) -> Result<u16, ureq::Error> {
    let mut answer = match method {
        "POST" => agent.post(url).send_form([("a", "b")])?,
        _ => agent.get(url).call()?,
    };
    answer.body_mut().read_to_vec()?;
    Ok(answer.status().as_u16())
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
