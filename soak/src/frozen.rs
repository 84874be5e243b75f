//! PostgreSQL paused for a minute with its connections open, and a locked table: no request hangs, no acknowledged save
//! is lost, and the site reconnects by itself.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use xshell::Shell;

use crate::postgres_server::PostgresServer;
use crate::rows;
use soak::browser::{Browser, get};
use soak::site::Place;
use soak::staff::{Ledger, Shift};

/// Numbers of visitors and of staff.
const VISITORS: usize = 8;
const STAFF: usize = 3;

/// How long the server is paused.
const FROZEN: Duration = Duration::from_mins(1);

/// How long the table is locked (seconds); longer than a request waits for a lock.
const LOCKED: u64 = 15;

/// Maximum response time for visitors; health checks have a shorter limit.
const RESPONSE_LIMIT: Duration = Duration::from_secs(30);
const HEALTH_CHECK_LIMIT: Duration = Duration::from_secs(4);

/// Time limit for the recovery.
const GRACE: Duration = Duration::from_secs(5);

pub(crate) fn run(shell: &Shell, program: &Path) -> Result<String> {
    let server = PostgresServer::find(shell)?;
    let place = Place::new(shell, program, &[("DATABASE_URL", server.url.clone())])?;
    place.fill_with_demo_data()?;
    let site = place.start()?;
    let address = site.address;
    let browsers = (0..STAFF)
        .map(|_| Browser::logged_in(address))
        .collect::<Result<Vec<_>>>()?;
    let ledger = Arc::new(Ledger::default());
    let shift = Shift::start(address, &ledger, browsers);
    let visits = Visits::start(address);
    thread::sleep(Duration::from_secs(2));

    let frozen = server.freeze(shell)?;
    let machines = ask_machines(address)?;
    drop(frozen);
    let found = time_to(address, 200)?;
    let saved = ledger.saved().len();

    let hold = format!("BEGIN; LOCK TABLE lettings; SELECT pg_sleep({LOCKED})");
    let mut holder = Command::new("psql")
        .args(["--quiet", "--command", &hold, &server.url])
        .spawn()
        .context("could not start psql")?;
    let locked = time_to(address, 503)?;
    ensure!(holder.wait()?.success(), "the table could not be locked");
    let freed = time_to(address, 200)?;
    thread::sleep(Duration::from_secs(2));

    let responses = visits.end()?;
    shift.end().with_context(|| site.log())?;
    site.stop(shell)?;
    let all = ledger.saved();
    ensure!(all.len() > saved, "no save succeeded afterwards");
    let copy = place.folder().join("copy.sqlite3");
    let to = format!("sqlite://{}", copy.display());
    place.tell(&["copy", "--from", &server.url, "--to", &to])?;
    rows::check(&place, &copy, &all)?;
    Ok(format!(
        "a minute without a word: {} pages, {} times 503, each within {:.1?}, /readyz within {machines:.1?}, well again \
         within {found:.1?}; a locked table: 503 after {locked:.1?}, well again within {freed:.1?}; {} saves \
         acknowledged, none lost",
        responses.ok,
        responses.rejected,
        responses.longest,
        all.len(),
    ))
}

/// Requests the health checks while the server is paused; returns the longest response time.
fn ask_machines(address: SocketAddr) -> Result<Duration> {
    let start = Instant::now();
    let mut longest = Duration::ZERO;
    while start.elapsed() < FROZEN {
        for (target, status) in [("/healthz", 200), ("/readyz", 503)] {
            let asked = Instant::now();
            let answer = get(address, target)?;
            longest = longest.max(asked.elapsed());
            ensure!(answer.status == status, "{target}: {}", answer.status);
        }
        thread::sleep(Duration::from_secs(1));
    }
    ensure!(
        longest < HEALTH_CHECK_LIMIT,
        "a health check took {longest:.1?}"
    );
    Ok(longest)
}

/// Time until a page gets this status.
fn time_to(address: SocketAddr, status: u16) -> Result<Duration> {
    let start = Instant::now();
    while get(address, "/lettings/1/")?.status != status {
        ensure!(
            start.elapsed() < GRACE + RESPONSE_LIMIT,
            "no {status} for {:.1?}",
            start.elapsed()
        );
    }
    Ok(start.elapsed())
}

/// Responses by status.
#[derive(Default)]
struct Responses {
    ok: u64,
    rejected: u64,
    longest: Duration,
}

/// Visitors who request a page in a loop.
struct Visits {
    over: Arc<AtomicBool>,
    responses: Arc<Mutex<Responses>>,
    visitors: Vec<JoinHandle<Result<()>>>,
}

impl Visits {
    fn start(address: SocketAddr) -> Self {
        let over = Arc::new(AtomicBool::new(false));
        let responses = Arc::new(Mutex::new(Responses::default()));
        let visitors = (0..VISITORS).map(|_| {
            let (over, responses) = (Arc::clone(&over), Arc::clone(&responses));
            thread::spawn(move || {
                while !over.load(Ordering::Relaxed) {
                    visit(address, &responses)?;
                }
                Ok(())
            })
        });
        let visitors = visitors.collect();
        Self {
            over,
            responses,
            visitors,
        }
    }

    fn end(self) -> Result<Responses> {
        self.over.store(true, Ordering::Relaxed);
        for visitor in self.visitors {
            visitor.join().expect("a visitor does not panic")?;
        }
        let mut responses = self.responses.lock().expect("no visitor panics");
        Ok(std::mem::take(&mut responses))
    }
}

fn visit(address: SocketAddr, responses: &Mutex<Responses>) -> Result<()> {
    let start = Instant::now();
    let answer = get(address, "/lettings/1/")?;
    let time = start.elapsed();
    ensure!(time < RESPONSE_LIMIT, "a visitor waited {time:.1?}");
    let mut responses = responses.lock().expect("no visitor panics");
    responses.longest = responses.longest.max(time);
    match answer.status {
        200 => responses.ok += 1,
        503 => {
            let when = answer.header("retry-after");
            ensure!(when.is_some(), "503 without Retry-After");
            responses.rejected += 1;
        }
        status => anyhow::bail!("a visitor saw {status}"),
    }
    Ok(())
}
