//! Restarts under load behind an open socket, as with systemd: no request fails.

use std::net::TcpListener;
use std::path::Path;

use anyhow::Result;
use xshell::Shell;

use crate::load::Load;
use soak::site::Place;

/// Number of visitors.
const VISITORS: usize = 8;

pub(crate) fn run(shell: &Shell, program: &Path, times: u32) -> Result<String> {
    let place = Place::new(shell, program, &[])?;
    place.fill_with_demo_data()?;
    let socket = TcpListener::bind(("127.0.0.1", 0))?;
    let url = format!("http://{}", socket.local_addr()?);
    let load = Load::reconnecting();
    let last = load.during(VISITORS, &url, &[("GET", "/lettings/1/", 200)], || {
        for _ in 0..times {
            let site = place.start_on(&socket)?;
            // Until it serves.
            load.wait_for_more(10);
            site.stop(shell)?;
        }
        place.start_on(&socket)
    })?;
    last.stop(shell)?;
    load.check()?;
    Ok(format!(
        "{times} restarts, {} requests, none failed, the slowest took {:?}",
        load.done(),
        load.slowest(),
    ))
}
