//! Restarts under load behind an open socket, as with systemd: no request fails.

use std::net::TcpListener;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use xshell::Shell;

use soak::browser::get;
use soak::site::Place;

/// Number of visitors.
const VISITORS: usize = 8;

pub(crate) fn run(shell: &Shell, program: &Path, times: u32) -> Result<String> {
    let place = Place::new(shell, program, &[])?;
    place.fill_with_demo_data()?;
    let socket = TcpListener::bind(("127.0.0.1", 0))?;
    let address = socket.local_addr()?;
    let over = Arc::new(AtomicBool::new(false));
    let answered = Arc::new(AtomicU64::new(0));
    let slowest = Arc::new(AtomicU64::new(0));
    let visitors: Vec<_> = (0..VISITORS)
        .map(|_| {
            let (over, answered, slowest) = (
                Arc::clone(&over),
                Arc::clone(&answered),
                Arc::clone(&slowest),
            );
            thread::spawn(move || -> Result<()> {
                while !over.load(Ordering::Relaxed) {
                    let start = Instant::now();
                    let answer = get(address, "/lettings/1/").context("a request failed")?;
                    ensure!(answer.status == 200, "a visitor saw {}", answer.status);
                    answered.fetch_add(1, Ordering::Relaxed);
                    let time = u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX);
                    slowest.fetch_max(time, Ordering::Relaxed);
                }
                Ok(())
            })
        })
        .collect();
    for _ in 0..times {
        let site = place.start_on(&socket)?;
        let before = answered.load(Ordering::Relaxed);
        // Wait until it serves before stopping it again.
        while answered.load(Ordering::Relaxed) < before + 10
            && !visitors.iter().any(thread::JoinHandle::is_finished)
        {
            thread::sleep(Duration::from_millis(5));
        }
        site.stop(shell)?;
    }
    let last = place.start_on(&socket)?;
    over.store(true, Ordering::Relaxed);
    for visitor in visitors {
        visitor.join().expect("a visitor does not panic")?;
    }
    last.stop(shell)?;
    Ok(format!(
        "{times} restarts, {} requests, none failed, the slowest took {} ms",
        answered.load(Ordering::Relaxed),
        slowest.load(Ordering::Relaxed),
    ))
}
