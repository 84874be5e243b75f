//! A Sentry server that accepts every connection and never replies: requests succeed, and memory stays bounded.

use std::net::TcpListener;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use xshell::Shell;

use soak::browser::get;
use soak::site::Place;

/// Number of requests that cause an error, each an event for Sentry.
const FAULTS: usize = 5000;

/// Maximum memory growth in the second half (MB).
const MOST_GROWTH: u64 = 32;

pub(crate) fn run(shell: &Shell, program: &Path) -> Result<String> {
    let sentry = TcpListener::bind(("127.0.0.1", 0))?;
    let dsn = format!("http://key@{}/1", sentry.local_addr()?);
    thread::spawn(move || {
        // Kept open, but never read.
        let _connections: Vec<_> = sentry.incoming().collect();
    });
    let place = Place::new(shell, program, &[("SENTRY_DSN", dsn)])?;
    place.fill_with_demo_data()?;
    let site = place.start()?;
    place.sqlite(&place.database(), "DROP TABLE lettings")?;

    let mut times = Vec::new();
    let mut half = 0;
    for number in 0..FAULTS {
        if number == FAULTS / 2 {
            half = site.memory()?;
        }
        let start = Instant::now();
        let response = get(site.address, "/lettings/1/")?;
        times.push(start.elapsed());
        ensure!(
            response.status == 500,
            "a fault was answered with {}",
            response.status
        );
    }
    let memory = site.memory()?;
    let start = Instant::now();
    site.stop(shell)?;
    let stopped = start.elapsed();

    times.sort_unstable();
    let slowest = times[times.len() * 99 / 100];
    ensure!(
        memory < half + MOST_GROWTH,
        "memory grew from {half} to {memory} MB"
    );
    ensure!(
        stopped < Duration::from_secs(30),
        "it took {stopped:?} to stop"
    );
    Ok(format!(
        "{FAULTS} faults, 99 % within {slowest:.1?}, {half} MB after half of them and {memory} MB at the end, \
         stopped within {stopped:.1?}"
    ))
}
