//! PostgreSQL that keeps its connections and says nothing for a minute, and a table that somebody locks: nobody hangs,
//! nothing that was acknowledged is lost, and the site finds the server again by itself.

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

/// Visitors who ask without a pause, and staff who save.
const VISITORS: usize = 8;
const PEOPLE: usize = 3;

/// How long the server stands still.
const FROZEN: Duration = Duration::from_mins(1);

/// How long a table is locked (seconds), which is longer than a request waits for it.
const LOCKED: u64 = 15;

/// The longest time for an answer. A site that is asked whether it lives, or can work, says so much sooner.
const PATIENCE: Duration = Duration::from_secs(30);
const PATIENCE_OF_MACHINES: Duration = Duration::from_secs(4);

/// How long the site may take to be well again.
const GRACE: Duration = Duration::from_secs(5);

pub(crate) fn run(shell: &Shell, program: &Path) -> Result<String> {
    let server = PostgresServer::find(shell)?;
    let place = Place::new(shell, program, &[("DATABASE_URL", server.url.clone())])?;
    place.furnish()?;
    let site = place.start()?;
    let address = site.address;
    let browsers = (0..PEOPLE)
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

    let told = visits.end()?;
    shift.end().with_context(|| site.log())?;
    site.stop(shell)?;
    let all = ledger.saved();
    ensure!(all.len() > saved, "nothing could be saved any more");
    let copy = place.folder().join("copy.sqlite3");
    let to = format!("sqlite://{}", copy.display());
    place.tell(&["copy", "--from", &server.url, "--to", &to])?;
    rows::check(&place, &copy, &all)?;
    Ok(format!(
        "a minute without a word: {} pages, {} times 503, each within {:.1?}, /readyz within {machines:.1?}, well again \
         within {found:.1?}; a locked table: 503 after {locked:.1?}, well again within {freed:.1?}; {} saves \
         acknowledged, none lost",
        told.answered,
        told.refused,
        told.longest,
        all.len(),
    ))
}

/// Asks as a service manager and a proxy do while the server stands still; the longest time that it took.
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
    ensure!(longest < PATIENCE_OF_MACHINES, "a check took {longest:.1?}");
    Ok(longest)
}

/// How long it takes until a page is answered with that status.
fn time_to(address: SocketAddr, status: u16) -> Result<Duration> {
    let start = Instant::now();
    while get(address, "/lettings/1/")?.status != status {
        ensure!(
            start.elapsed() < GRACE + PATIENCE,
            "no {status} for {:.1?}",
            start.elapsed()
        );
    }
    Ok(start.elapsed())
}

/// What visitors were told.
#[derive(Default)]
struct Told {
    answered: u64,
    refused: u64,
    longest: Duration,
}

/// Visitors who ask for a page without a pause.
struct Visits {
    over: Arc<AtomicBool>,
    told: Arc<Mutex<Told>>,
    visitors: Vec<JoinHandle<Result<()>>>,
}

impl Visits {
    fn start(address: SocketAddr) -> Self {
        let over = Arc::new(AtomicBool::new(false));
        let told = Arc::new(Mutex::new(Told::default()));
        let visitors = (0..VISITORS).map(|_| {
            let (over, told) = (Arc::clone(&over), Arc::clone(&told));
            thread::spawn(move || {
                while !over.load(Ordering::Relaxed) {
                    visit(address, &told)?;
                }
                Ok(())
            })
        });
        let visitors = visitors.collect();
        Self {
            over,
            told,
            visitors,
        }
    }

    fn end(self) -> Result<Told> {
        self.over.store(true, Ordering::Relaxed);
        for visitor in self.visitors {
            visitor.join().expect("a visitor does not panic")?;
        }
        let mut told = self.told.lock().expect("no visitor panics");
        Ok(std::mem::take(&mut told))
    }
}

fn visit(address: SocketAddr, told: &Mutex<Told>) -> Result<()> {
    let start = Instant::now();
    let answer = get(address, "/lettings/1/")?;
    let time = start.elapsed();
    ensure!(time < PATIENCE, "a visitor waited {time:.1?}");
    let mut told = told.lock().expect("no visitor panics");
    told.longest = told.longest.max(time);
    match answer.status {
        200 => told.answered += 1,
        503 => {
            let when = answer.header("retry-after");
            ensure!(when.is_some(), "503 without Retry-After");
            told.refused += 1;
        }
        status => anyhow::bail!("a visitor saw {status}"),
    }
    Ok(())
}
