//! 10 000 clients that send a request byte by byte, and one visitor who is served nevertheless.

use std::io::Write;
use std::net::TcpStream;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use xshell::Shell;

use soak::browser::get;
use soak::site::Place;

const CLIENTS: usize = 10_000;

/// Number of requests of the visitor.
const VISITS: u32 = 200;

pub(crate) fn run(shell: &Shell, program: &Path) -> Result<String> {
    let place = Place::new(shell, program, &[])?;
    place.fill_with_demo_data()?;
    let site = place.start()?;
    let idle = site.memory()?;
    let mut clients = Vec::with_capacity(CLIENTS);
    for number in 0..CLIENTS {
        let mut client = TcpStream::connect(site.address).with_context(|| {
            format!("the {number}th connection; `ulimit -n` must allow {CLIENTS} and some")
        })?;
        client.write_all(b"GET / HTTP/1.1\r\nHost: ")?;
        clients.push(client);
    }
    let crowded = site.memory()?;
    let start = Instant::now();
    let mut slowest = Duration::ZERO;
    for visit in 0..VISITS {
        // Sends one more byte on some of the connections that are still open.
        for client in clients.iter_mut().skip(visit as usize % 100).step_by(100) {
            client.write_all(b"x").ok();
        }
        let asked = Instant::now();
        let response = get(site.address, "/lettings/1/")?;
        slowest = slowest.max(asked.elapsed());
        ensure!(
            response.status == 200,
            "the visitor saw {}",
            response.status
        );
    }
    let time = start.elapsed() / VISITS;
    site.stop(shell)?;
    Ok(format!(
        "{CLIENTS} slow connections cost {} MB; a visitor was answered within {time:.1?} on average, {slowest:.1?} \
         at most",
        crowded.saturating_sub(idle)
    ))
}
