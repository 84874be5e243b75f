//! The page cache of two processes on one database: after a save, no page is stale beyond the bound; and the memory that
//! many pages take is bounded.

use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use xshell::Shell;

use crate::postgres_server::PostgresServer;
use soak::browser::{Browser, get};
use soak::site::Place;

/// How long another process may serve the old page: the site's 50 ms, and time for the request itself.
const BOUND: Duration = Duration::from_millis(55);

/// Number of different pages; they need several times the cache's size.
const PAGES: u32 = 40_000;

/// Number of visitors who request them.
const VISITORS: u32 = 4;

/// The most memory that the site may use with a full cache of 64 MB.
const MOST_MEMORY: u64 = 22 + 64 + 40;

pub(crate) fn run(shell: &Shell, program: &Path, times: u32) -> Result<String> {
    let server = PostgresServer::find(shell)?;
    let postgres = [("DATABASE_URL", server.create_database("cache")?)];
    let sqlite = Place::new(shell, program, &[])?;
    let postgres = Place::new(shell, program, &postgres)?;
    Ok(format!(
        "{times} saves, none stale on the other process after {BOUND:?}: at most {:.1?} on SQLite, {:.1?} on PostgreSQL; \
         {} MB after {PAGES} pages",
        longest_delay(&sqlite, times)?,
        longest_delay(&postgres, times)?,
        memory(&sqlite)?,
    ))
}

/// Saves on one process after the other, each read on both.
fn longest_delay(place: &Place<'_>, times: u32) -> Result<Duration> {
    place.fill_with_demo_data()?;
    let nodes = [place.start()?, place.start()?];
    let [one, two] = [&nodes[0], &nodes[1]].map(|node| node.address);
    let mut browser = Browser::logged_in(one)?;
    let mut longest = Duration::ZERO;
    for number in 0..times {
        let (writer, reader) = if number % 2 == 0 {
            (one, two)
        } else {
            (two, one)
        };
        let title = format!("Title {number}.");
        let fields = [("title", &*title), ("address", "1")];
        let saved = browser.fill(writer, "/admin/lettings/letting/1/change/", &fields)?;
        let written = Instant::now();
        ensure!(
            saved.status == 303,
            "a save got {}: {}",
            saved.status,
            saved.body
        );
        let is_current = |node| get(node, "/lettings/1/").map(|page| page.body.contains(&title));
        ensure!(
            is_current(writer)?,
            "save {number}: stale on the same process"
        );
        loop {
            let age = written.elapsed();
            if is_current(reader)? {
                longest = longest.max(age);
                break;
            }
            ensure!(age < BOUND, "save {number}: stale after {age:?}");
        }
    }
    Ok(longest)
}

/// Memory after many different searches, in MB.
fn memory(place: &Place<'_>) -> Result<u64> {
    let site = place.start()?;
    let address = site.address;
    let visitors = (0..VISITORS).map(|visitor| {
        thread::spawn(move || {
            for number in (visitor..PAGES).step_by(VISITORS as usize) {
                let page = get(address, &format!("/lettings/?q=a&max_price={}", number + 1))?;
                ensure!(page.status == 200, "a search got {}", page.status);
            }
            Ok(())
        })
    });
    for visitor in visitors.collect::<Vec<_>>() {
        visitor.join().expect("a visitor does not panic")?;
    }
    let memory = site.memory()?;
    ensure!(memory <= MOST_MEMORY, "{memory} MB with a full cache");
    Ok(memory)
}
