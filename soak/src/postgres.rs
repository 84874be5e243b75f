//! PostgreSQL restarted under load: requests get 503 while it is down, and never otherwise.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use xshell::Shell;

use crate::postgres_server::PostgresServer;
use soak::browser::get;
use soak::site::Place;

/// Number of visitors.
const VISITORS: usize = 4;

/// Time limit for the site to reconnect; requests that were running at the stop may fail within it.
const GRACE: Duration = Duration::from_secs(4);

pub(crate) fn run(shell: &Shell, program: &Path, times: u32) -> Result<String> {
    let server = PostgresServer::find(shell)?;
    let place = Place::new(shell, program, &[("DATABASE_URL", server.url.clone())])?;
    place.fill_with_demo_data()?;
    let site = place.start()?;
    let address = site.address;
    let over = Arc::new(AtomicBool::new(false));
    // Set while the server is down or has just started again.
    let away = Arc::new(AtomicBool::new(false));
    let answered = Arc::new(AtomicU64::new(0));
    let refused = Arc::new(AtomicU64::new(0));
    let visitors: Vec<_> = (0..VISITORS)
        .map(|_| {
            let (over, away) = (Arc::clone(&over), Arc::clone(&away));
            let (answered, refused) = (Arc::clone(&answered), Arc::clone(&refused));
            thread::spawn(move || -> Result<()> {
                while !over.load(Ordering::Relaxed) {
                    let was_away = away.load(Ordering::SeqCst);
                    let answer = get(address, "/lettings/1/")?;
                    let is_away = away.load(Ordering::SeqCst);
                    match answer.status {
                        200 => answered.fetch_add(1, Ordering::Relaxed),
                        503 if was_away || is_away => {
                            ensure!(
                                answer.header("retry-after").is_some(),
                                "503 without Retry-After"
                            );
                            refused.fetch_add(1, Ordering::Relaxed)
                        }
                        status => {
                            anyhow::bail!("a visitor saw {status} (away: {was_away}, {is_away})")
                        }
                    };
                }
                Ok(())
            })
        })
        .collect();
    let mut longest = Duration::ZERO;
    for _ in 0..times {
        thread::sleep(Duration::from_secs(1));
        away.store(true, Ordering::SeqCst);
        server.stop(shell)?;
        thread::sleep(Duration::from_millis(500));
        server.start(shell)?;
        let start = Instant::now();
        while get(address, "/lettings/1/")?.status != 200 {
            ensure!(
                start.elapsed() < GRACE,
                "the site does not find the server again"
            );
            thread::sleep(Duration::from_millis(5));
        }
        longest = longest.max(start.elapsed());
        thread::sleep(GRACE.saturating_sub(start.elapsed()));
        away.store(false, Ordering::SeqCst);
    }
    over.store(true, Ordering::Relaxed);
    for visitor in visitors {
        visitor.join().expect("a visitor does not panic")?;
    }
    site.stop(shell)?;
    Ok(format!(
        "{times} restarts, {} pages, {} times 503 and only while it was away, found again within {longest:.1?}",
        answered.load(Ordering::Relaxed),
        refused.load(Ordering::Relaxed),
    ))
}
