//! `kill -9` while staff save lettings; `cargo xtask soak kill` does it hundreds of times.

use std::collections::BTreeSet;
use std::net::TcpListener;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use oc_core::testing::TestDb;

use super::program::{Program, setting};
use super::staff::{PRODUCTION, check, insert_staff, log_in, save};
use crate::admin::Browser;

const KILLS: usize = 5;

/// No save takes this long unless something is broken.
const PATIENCE: Duration = Duration::from_mins(1);

#[test]
fn acknowledged_saves_survive_sigkill() -> Result<()> {
    for db in TestDb::each()? {
        let url = setting(&db);
        let settings = [&PRODUCTION[..], &[("DATABASE_URL", &url)]].concat();
        let program = Program::with(&settings)?;
        // Bound here, so that connections between two processes wait for the next one.
        let socket = TcpListener::bind(("127.0.0.1", 0))?;
        let first = program.serve_on(&socket)?;
        let mut staff = Vec::new();
        for name in ["ada", "bob", "cleo"] {
            insert_staff(&db, name)?;
            staff.push((name, log_in(socket.local_addr()?, name)?));
        }
        first.kill();
        let is_done = AtomicBool::new(false);
        let (acknowledged, receiver) = channel();

        let saved = thread::scope(|scope| {
            let work: Vec<_> = staff
                .into_iter()
                .map(|(name, browser)| {
                    let (is_done, acknowledged) = (&is_done, acknowledged.clone());
                    scope.spawn(move || work(browser, name, is_done, &acknowledged))
                })
                .collect();
            let saved = kill(&db, &program, &socket, &receiver);
            is_done.store(true, Ordering::Relaxed);
            // The last saves are acknowledged by a process that isn't killed.
            let _serving = program.serve_on(&socket)?;
            for thread in work {
                thread.join().expect("no thread panicked")?;
            }
            saved
        })?;

        let all = saved.into_iter().chain(receiver.try_iter()).collect();
        check(&mut db.connect()?, &all)?;
    }
    Ok(())
}

/// Saves one letting after another, and sends the title of each acknowledged one.
fn work(
    mut browser: Browser<'_>,
    name: &str,
    is_done: &AtomicBool,
    acknowledged: &Sender<String>,
) -> Result<()> {
    for number in 0.. {
        if is_done.load(Ordering::Relaxed) {
            break;
        }
        let title = format!("Flat {number} of {name}");
        // The site was killed; whether the save was committed is unknown.
        let Ok(response) = save(&mut browser, &title) else {
            continue;
        };
        ensure!(
            response.status == 303,
            "{}: {}",
            response.status,
            response.text()?
        );
        acknowledged.send(title).ok();
    }
    Ok(())
}

/// Kills one process after another during saves; returns the acknowledged titles.
fn kill(
    db: &TestDb,
    program: &Program,
    socket: &TcpListener,
    receiver: &Receiver<String>,
) -> Result<BTreeSet<String>> {
    let mut saved = BTreeSet::new();
    for round in 0..KILLS {
        let serving = program.serve_on(socket)?;
        for _ in 0..=round {
            saved.insert(
                receiver
                    .recv_timeout(PATIENCE)
                    .context("nothing is saved")?,
            );
        }
        serving.kill();
        saved.extend(receiver.try_iter());
        check(&mut db.connect()?, &saved).with_context(|| format!("after round {round}"))?;
    }
    Ok(saved)
}
