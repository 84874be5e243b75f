//! 300 wrong logins in a burst, and the memory that is given back.

use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use xshell::Shell;

use soak::browser::Browser;
use soak::site::Place;

const CLIENTS: usize = 60;
const LOGINS: usize = 5;

/// Resident memory after the burst (MB).
const LIMIT: u64 = 60;

/// How long it may take to return the rest.
const PATIENCE: Duration = Duration::from_mins(1);

pub(crate) fn run(shell: &Shell, program: &Path) -> Result<String> {
    let settings = [("TRUSTED_PROXIES", "127.0.0.1".to_owned())];
    let place = Place::new(shell, program, &settings)?;
    place.fill_with_demo_data()?;
    let site = place.start()?;
    let (idle, address) = (site.memory()?, site.address);
    let clients = (0..CLIENTS).map(|client| {
        thread::spawn(move || -> Result<()> {
            let mut browser = Browser::at(&format!("192.0.2.{client}"));
            for login in 0..LOGINS {
                let name = format!("guest{client}-{login}");
                let fields = [("username", &*name), ("password", "guess"), ("next", "")];
                let status = browser.fill(address, "/admin/login/", &fields)?.status;
                ensure!(status == 200, "a wrong password got {status}");
            }
            Ok(())
        })
    });
    let clients: Vec<_> = clients.collect();
    let mut most = idle;
    while clients.iter().any(|client| !client.is_finished()) {
        most = most.max(site.memory()?);
        thread::sleep(Duration::from_millis(20));
    }
    for client in clients {
        client.join().expect("clients do not panic")?;
    }
    let end = Instant::now();
    let mut left = site.memory()?;
    while left > LIMIT {
        ensure!(end.elapsed() < PATIENCE, "{left} MB are still resident");
        thread::sleep(Duration::from_secs(1));
        left = site.memory()?;
    }
    let time = end.elapsed().as_secs();
    site.stop(shell)?;
    Ok(format!(
        "{} wrong logins: {idle} MB before, {most} MB at most, {left} MB {time} s later",
        CLIENTS * LOGINS
    ))
}
